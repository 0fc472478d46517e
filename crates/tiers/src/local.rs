//! The local host of a project: started in the background, and furnished with what Terraform would make in an account.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tiers_aws::AwsLambda;
use tiers_core::config::{AppConfig, ComponentConfig, Environment, Settings as Declared};
use tiers_core::id::{Digest, Env};
use tiers_core::naming;
use tiers_engine::lambda_target::LEDGER_TAG;
use tiers_engine::ledger::Ledger;
use tiers_lambda::api::{
    AliasWrite, ApiError, Function, LambdaApi, NewFunction, Qualifier, Settings, State, UpdateStatus,
};
use tiers_local::{Client, Route, Status};
use tiers_oci::{Architecture, Content, Layout, NewFile, NewImage, write_image};

use crate::context::Context;
use crate::fault::{Fault, chain};
use crate::place::{LOCAL_ACCOUNT, LOCAL_REGION};

/// The alias that users are served by.
pub const ALIAS: &str = "live";
/// What every function on the local host has of `/tmp`, in MB.
pub const EPHEMERAL_MB: u32 = 512;
/// A host that is not there after this long has a problem that its log tells.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a function may take to settle while it is furnished.
const SETTLE_TRIES: u32 = 400;
const SETTLE_WAIT: Duration = Duration::from_millis(5);
/// How often a function that somebody else furnishes too is looked at again.
const ALIAS_TRIES: u32 = 16;
/// The tag of the image that functions begin with.
const PLACEHOLDER: &str = "tiers-placeholder";

/// A host that is up.
pub struct Running {
    pub endpoint: String,
    pub status: Status,
    /// What furnishing it changed, for people.
    pub changes: Vec<String>,
}

impl Running {
    /// The address of this environment's door.
    pub fn door(&self, environment: &Env) -> Option<String> {
        let found = self.status.environments.iter().find(|one| one.environment.name == environment.as_str());
        found.and_then(|one| one.url.clone())
    }
}

/// Makes sure that the host runs and has what the project declares. With `settings`, functions that exist get the settings that
/// are declared now; without, only what is missing is made.
pub async fn up(context: &Context, ledger: &Ledger, settings: bool) -> Result<Running, Fault> {
    let dir = context.home("host");
    let client = match Client::connect(&dir).await {
        Ok(client) => client,
        Err(_) => start(context, &dir).await?,
    };
    let status = client.status().await.map_err(host_fault)?;
    let locals: Vec<&Environment> = context.project.environments.iter().filter(|env| env.is_local()).collect();
    let mut changes = Vec::new();
    for environment in &locals {
        furnish_door(context, &client, &status, environment, &mut changes).await?;
    }
    let api = AwsLambda::for_endpoint(&client.endpoint(), LOCAL_REGION, LOCAL_ACCOUNT)
        .map_err(|error| Fault::errored(error.to_string()))?;
    let furnisher = Furnisher { context, ledger, client: &client, api: &api, settings };
    for environment in &locals {
        for app in &context.project.apps {
            for component in &app.components {
                furnisher.component(&status, environment, app, component, &mut changes).await?;
            }
        }
    }
    let status = if changes.is_empty() { status } else { client.status().await.map_err(host_fault)? };
    Ok(Running { endpoint: client.endpoint(), status, changes })
}

/// The host of this project if it runs.
pub async fn running(context: &Context) -> Option<Client> {
    Client::connect(&context.home("host")).await.ok()
}

/// A problem of the host as a fault.
pub fn host_fault(error: tiers_local::LocalError) -> Fault {
    Fault::errored(format!("the local host: {}", chain(&error)))
}

async fn start(context: &Context, dir: &Path) -> Result<Client, Fault> {
    let program = std::env::current_exe()
        .map_err(|error| Fault::errored(format!("this program's own file can't be found: {error}")))?;
    std::fs::create_dir_all(dir).map_err(|error| Fault::errored(format!("{}: {error}", dir.display())))?;
    let log_path = dir.join("host.log");
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&log_path)
        .map_err(|error| Fault::errored(format!("{}: {error}", log_path.display())))?;
    let errors = log.try_clone().map_err(|error| Fault::errored(format!("{}: {error}", log_path.display())))?;
    let mut command = Command::new(program);
    command.arg("-C").arg(&context.root).args(["local", "serve"]);
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    // The host outlives the command that started it: a session of its own keeps the terminal's Ctrl-C away from it.
    command.env_remove("TIERS_TRIPWIRE").env_remove("TIERS_TRIPWIRE_COUNT");
    let mut child =
        detached(command).map_err(|error| Fault::errored(format!("the local host can't be started: {error}")))?;
    match Client::wait_until_ready(dir, START_TIMEOUT).await {
        Ok(client) => Ok(client),
        Err(error) => {
            let end = match child.try_wait() {
                Ok(Some(status)) => format!("it ended with {status}"),
                _ => "it is still starting".to_owned(),
            };
            Err(Fault::errored(format!("the local host did not come up: {}; {end}", chain(&error)))
                .hint(format!("Its log is {}.", log_path.display())))
        }
    }
}

fn detached(mut command: Command) -> std::io::Result<std::process::Child> {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    command.spawn()
}

async fn furnish_door(
    context: &Context,
    client: &Client,
    status: &Status,
    environment: &Environment,
    changes: &mut Vec<String>,
) -> Result<(), Fault> {
    let name = environment.name.as_str();
    let known = status.environments.iter().find(|one| one.environment.name == name);
    let wanted = tiers_local::Environment {
        name: name.to_owned(),
        account: Some(LOCAL_ACCOUNT.to_owned()),
        region: Some(LOCAL_REGION.to_owned()),
        rate_limit_per_s: environment.rate_limit.map(f64::from),
        burst: environment.burst,
        port: known.map_or(0, |known| known.environment.port),
        routes: routes(context, &environment.name),
    };
    if known.is_some_and(|known| known.environment == wanted && known.url.is_some()) {
        return Ok(());
    }
    let door = client.put_environment(&wanted).await.map_err(host_fault)?;
    if let Some(problem) = door.problem {
        return Err(Fault::errored(format!("the door of {name} can't be opened: {problem}")));
    }
    changes.push(format!("opened the door of {name} at {}", door.url.unwrap_or_default()));
    Ok(())
}

/// Components with a route are reached below it; where none has one, the first component gets everything.
fn routes(context: &Context, environment: &Env) -> Vec<Route> {
    let components = context.project.apps.iter().flat_map(|app| &app.components);
    let route = |component: &ComponentConfig, prefix: &str| Route {
        prefix: prefix.to_owned(),
        function: component.names.get(environment).cloned().unwrap_or_default(),
        alias: ALIAS.to_owned(),
    };
    let routed: Vec<Route> =
        components.clone().filter_map(|one| one.route.as_ref().map(|prefix| route(one, prefix))).collect();
    if routed.is_empty() { components.take(1).map(|one| route(one, "/")).collect() } else { routed }
}

struct Furnisher<'a> {
    context: &'a Context,
    ledger: &'a Ledger,
    client: &'a Client,
    api: &'a AwsLambda,
    settings: bool,
}

impl Furnisher<'_> {
    async fn component(
        &self,
        status: &Status,
        environment: &Environment,
        app: &AppConfig,
        component: &ComponentConfig,
        changes: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let env = &environment.name;
        let (Some(name), Some(declared)) = (component.names.get(env), component.settings.get(env)) else {
            return Ok(());
        };
        let known = status.functions.iter().find(|function| &function.name == name);
        let has_alias = known.is_some_and(|function| function.aliases.iter().any(|alias| alias.name == ALIAS));
        if has_alias && !self.settings {
            return Ok(());
        }
        let wanted = settings(app, component, declared);
        if known.is_none() {
            self.create(env, app, component, name, &wanted).await?;
            changes.push(format!("made the function {name}"));
        } else if self.update(name, &wanted).await? {
            changes.push(format!("changed the settings of {name}; `tiers deploy {env} --config-only` publishes them"));
        }
        if let Some(reserved) = declared.concurrency
            && known.and_then(|function| function.reserved_concurrency) != Some(reserved)
        {
            self.api.put_concurrency(name, reserved).await.map_err(|error| furnishing(name, &error))?;
        }
        if let Some(days) = declared.log_retention_days
            && known.is_none_or(|function| function.log_retention_days != days)
        {
            self.client.put_log_retention(name, days).await.map_err(host_fault)?;
        }
        // Last, because a function with its alias counts as complete: whoever is killed before this is made up for next time.
        if !has_alias {
            self.alias(name).await?;
        }
        Ok(())
    }

    async fn create(
        &self,
        env: &Env,
        app: &AppConfig,
        component: &ComponentConfig,
        name: &str,
        wanted: &Settings,
    ) -> Result<(), Fault> {
        let architecture: Architecture =
            wanted.architecture.parse().map_err(|error| Fault::usage(format!("{error}")))?;
        let image = placeholder(&self.context.home("images"), architecture)?;
        let mut tags = naming::tags(&self.context.project.name, env, &app.name, &component.name);
        tags.insert(LEDGER_TAG.to_owned(), self.ledger.id().to_owned());
        let new = NewFunction {
            name: name.to_owned(),
            image_uri: format!("{}@{image}", repository(app.image.repository())),
            settings: wanted.clone(),
            tags,
            publish: false,
        };
        match self.api.create_function(&new).await {
            Ok(_) | Err(ApiError::Conflict(_)) => self.settled(name).await.map(drop),
            Err(error) => Err(furnishing(name, &error)),
        }
    }

    /// True when something was changed.
    async fn update(&self, name: &str, wanted: &Settings) -> Result<bool, Fault> {
        let now = self.settled(name).await?;
        let current = &now.settings;
        let same = current.memory_mb == wanted.memory_mb
            && current.timeout_s == wanted.timeout_s
            && current.environment == wanted.environment
            && current.command == wanted.command;
        if same {
            return Ok(false);
        }
        let changed = Settings {
            memory_mb: wanted.memory_mb,
            timeout_s: wanted.timeout_s,
            environment: wanted.environment.clone(),
            command: wanted.command.clone(),
            ..current.clone()
        };
        self.api.update_settings(name, &changed, &now.revision).await.map_err(|error| furnishing(name, &error))?;
        self.settled(name).await?;
        Ok(true)
    }

    async fn alias(&self, name: &str) -> Result<(), Fault> {
        let mut tries = ALIAS_TRIES;
        let first = loop {
            // Another command may furnish the same function: what it moved meanwhile is looked at again, until its alias is there.
            match self.api.get_alias(name, ALIAS).await {
                Ok(_) => return Ok(()),
                Err(ApiError::NotFound(_)) => {}
                Err(error) => return Err(furnishing(name, &error)),
            }
            let now = self.settled(name).await?;
            match self.api.publish(name, &now.code_sha256, &now.revision, "before the first release").await {
                Ok(first) => break first,
                Err(ApiError::Precondition(_) | ApiError::InProgress(_)) if tries > 1 => tries -= 1,
                Err(error) => return Err(furnishing(name, &error)),
            }
        };
        let write = AliasWrite { version: first.version, description: String::new(), weights: BTreeMap::new() };
        match self.api.create_alias(name, ALIAS, &write).await {
            Ok(_) | Err(ApiError::Conflict(_)) => Ok(()),
            Err(error) => Err(furnishing(name, &error)),
        }
    }

    async fn settled(&self, name: &str) -> Result<Function, Fault> {
        for _ in 0..SETTLE_TRIES {
            let function =
                self.api.get_function(name, &Qualifier::Latest).await.map_err(|error| furnishing(name, &error))?;
            if function.state == State::Active && function.last_update == UpdateStatus::Successful {
                return Ok(function);
            }
            tokio::time::sleep(SETTLE_WAIT).await;
        }
        Err(Fault::errored(format!("{name} does not settle on the local host")))
    }
}

fn furnishing(name: &str, error: &ApiError) -> Fault {
    Fault::errored(format!("{name} can't be set up on the local host: {error}"))
}

fn settings(app: &AppConfig, component: &ComponentConfig, declared: &Declared) -> Settings {
    Settings {
        role: format!("arn:aws:iam::{LOCAL_ACCOUNT}:role/tiers-local"),
        memory_mb: declared.memory_mb,
        timeout_s: declared.timeout_s,
        environment: declared.variables.clone(),
        command: component.command.clone(),
        architecture: app.image.architecture().as_str().to_owned(),
        ephemeral_mb: EPHEMERAL_MB,
        ..Settings::default()
    }
}

/// How images of this project are named towards the local host, without the digest.
pub fn repository(name: &str) -> String {
    format!("{LOCAL_ACCOUNT}.dkr.ecr.{LOCAL_REGION}.amazonaws.com/{name}")
}

/// The image that functions begin with: this program, answering that nothing was deployed yet.
pub fn placeholder(images: &Path, architecture: Architecture) -> Result<Digest, Fault> {
    let unusable = |error: tiers_oci::OciError| Fault::errored(format!("the image folder: {}", chain(&error)));
    let layout = Layout::open_or_create(images).map_err(unusable)?;
    if let Some(known) = layout.tagged(PLACEHOLDER).map_err(unusable)?
        && tiers_oci::preflight(&layout, &known, architecture).is_ok()
    {
        return Ok(known);
    }
    let digest = runtime_image(&layout, architecture, &["/var/runtime/bootstrap", "__function", "placeholder"])?;
    layout.tag(&digest, Some(PLACEHOLDER)).map_err(unusable)?;
    Ok(digest)
}

/// An image that holds this program as `/var/runtime/bootstrap`.
pub fn runtime_image(layout: &Layout, architecture: Architecture, entrypoint: &[&str]) -> Result<Digest, Fault> {
    let program = std::env::current_exe()
        .map_err(|error| Fault::errored(format!("this program's own file can't be found: {error}")))?;
    let image = NewImage {
        architecture,
        base: None,
        files: vec![NewFile {
            path: "/var/runtime/bootstrap".to_owned(),
            content: Content::File { from: program, executable: true },
        }],
        entrypoint: Some(entrypoint.iter().map(|part| (*part).to_owned()).collect()),
        cmd: None,
        env: BTreeMap::new(),
        working_dir: Some("/var/task".to_owned()),
        labels: BTreeMap::new(),
    };
    let facts = write_image(layout, &image)
        .map_err(|error| Fault::errored(format!("the runtime image can't be written: {}", chain(&error))))?;
    Ok(facts.digest)
}
