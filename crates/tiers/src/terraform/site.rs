//! One environment's Terraform: where it runs, what its data directory must be bound to, and the proof that it is.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tiers_core::config::{Environment, Place, Terraform as Config};
use tiers_core::id::{Digest, Env};
use tiers_core::lease::Backend;
use tiers_core::terraform::{Difference, compare};
use tiers_edge::terraform::{BindingError, Bound, Declared, Terraform, bound, declared};

use super::interrupt;
use super::owner::shared;
use super::place::{of_declared, placed, same_state};
use super::secrets::redactor;
use super::tree::{PROVIDERS, Tree, tree};
use super::words::{by_hand, not_initialised};
use crate::context::Context;
use crate::fault::{Fault, chain};
use crate::render::style::Style;

/// How long somebody else's `init` of the same folder is waited for.
const ALONE: Duration = Duration::from_secs(300);

/// An environment's Terraform, not yet looked at.
#[derive(Clone)]
pub struct Site {
    pub environment: Environment,
    pub config: Config,
    pub terraform: Terraform,
    pub backend_file: Option<PathBuf>,
    /// This machine's folder for it: data directory, saved plans, what it was initialised with.
    pub home: PathBuf,
    /// Where it is said that Terraform begins, which is silent for minutes; `None` where nobody wants to hear it.
    announced: Option<Style>,
    /// Paths of the other environments' roots and backend files, which may not lead to the same state.
    pub(super) others: Vec<(Env, PathBuf, Option<PathBuf>)>,
}

/// What a data directory is bound to, compared and found right.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    pub backend: Backend,
    /// In words, what it was compared with.
    pub as_declared: String,
}

impl Site {
    /// The Terraform of this environment, as tiers.toml describes it.
    pub fn open(context: &Context, environment: &Environment, lock_timeout: &str) -> Result<Site, Fault> {
        let Some(config) = context.project.terraform.clone() else {
            return Err(undeclared());
        };
        let at = |name: &Env| {
            let root = context.root.join(Config::expand(&config.root, name));
            let file = |text: &Option<String>| text.as_ref().map(|text| root.join(Config::expand(text, name)));
            (file(&config.backend), file(&config.var_file), root)
        };
        let (backend_file, var_file, root) = at(&environment.name);
        for (what, path) in [("root", &Some(root.clone())), ("backend", &backend_file), ("var_file", &var_file)] {
            if let Some(path) = path.as_ref().filter(|path| !path.exists()) {
                let shown = path.strip_prefix(&context.root).unwrap_or(path).display();
                return Err(Fault::usage(format!("{shown}, the `{what}` of {}, does not exist", environment.name)));
            }
            if let Some(path) = path.as_ref().filter(|path| path.is_dir() != (what == "root")) {
                let is = if what == "root" { "is no folder" } else { "is a folder, and no file" };
                let shown = path.strip_prefix(&context.root).unwrap_or(path).display();
                return Err(Fault::usage(format!("{shown}, the `{what}` of {}, {is}", environment.name)));
            }
        }
        // Terraform takes `..` behind a link for what is written before it, and the kernel for where the link leads.
        let whole = |path: PathBuf| path.canonicalize().unwrap_or(path);
        let (root, backend_file, var_file) = (whole(root), backend_file.map(whole), var_file.map(whole));
        let home = context.home("terraform").join(environment.name.as_str());
        let mut env = std::collections::BTreeMap::new();
        if let Place::Aws { region, .. } = &environment.place
            && std::env::var_os("AWS_REGION").is_none()
        {
            env.insert("AWS_REGION".to_owned(), region.clone());
        }
        let terraform = Terraform {
            // As every path in tiers.toml it is one from there.
            program: match config.program.contains('/') {
                true => context.root.join(&config.program).display().to_string(),
                false => config.program.clone(),
            },
            root,
            data: home.join("data"),
            var_file,
            lock_timeout: lock_timeout.to_owned(),
            env,
            redactor: redactor(environment),
        };
        let others = context.project.environments.iter().filter(|other| other.name != environment.name);
        let others =
            others.map(|other| (other.name.clone(), at(&other.name))).map(|(name, (file, _, root))| (name, root, file));
        let announced = (!context.global.quiet).then_some(context.style);
        let (environment, others) = (environment.clone(), others.collect());
        Ok(Site { environment, others, config, terraform, backend_file, home, announced })
    }

    /// Says that Terraform begins with something that may take minutes.
    pub fn begins(&self, what: &str) {
        if let Some(style) = self.announced {
            let _ = writeln!(std::io::stderr(), "  {}", style.dim(&format!("…    {what}")));
        }
    }

    /// The code that stands in the working tree.
    pub fn tree(&self, context: &Context) -> Result<Tree, Fault> {
        tree(context, &self.environment, &self.config)
    }

    /// Initialises the data directory where that is needed, and proves that it is bound to what is declared, to nothing that is declared
    /// for another environment.
    pub async fn ready(&self, tree: &Tree) -> Result<Binding, Fault> {
        private_folder(&self.home)?;
        // Commands at once in one folder would trip over each other's `init`.
        let _alone = alone(&self.home).await?;
        // A directory that is bound elsewhere is refused before Terraform is asked anything about it.
        let was_bound = self.binding_if_any()?.is_some();
        self.apart()?;
        let stamp = self.home.join("initialised");
        let wanted = self.stamp(tree)?;
        let is_there = self.terraform.data.is_dir() && (was_bound || self.declared()?.is_none());
        if !is_there || std::fs::read_to_string(&stamp).ok().as_deref() != Some(wanted.as_str()) {
            self.begins("terraform init");
            let _at_work = interrupt::at_work();
            let init = self.terraform.init(self.backend_file.as_deref(), tree.locks_providers, &interrupt::asked).await;
            init.map_err(|error| not_initialised(error, &self.terraform, tree, was_bound))?;
            std::fs::write(&stamp, wanted).map_err(|error| cant(&stamp, &error))?;
        }
        self.binding()
    }

    /// What the data directory is bound to now, compared with what is declared; a refusal where they differ.
    pub fn binding(&self) -> Result<Binding, Fault> {
        if let Some(binding) = self.binding_if_any()? {
            return Ok(binding);
        }
        if self.declared()?.is_some() {
            let data = self.terraform.data.display();
            return Err(Fault::refused(format!("{data} is bound to nothing; the next plan initialises it")));
        }
        match &self.backend_file {
            Some(file) => {
                let shown = file.display();
                Err(Fault::refused(format!("the root module has no backend block, so Terraform ignores {shown}")).hint(
                    "Add `terraform { backend \"s3\" {} }` to the root module; without it the state is a file on this machine.",
                ))
            }
            None => {
                let as_declared = "no backend is declared, so the state is a file on this machine".to_owned();
                Ok(Binding { backend: of_declared(&self.terraform.root, None), as_declared })
            }
        }
    }

    /// Where the state is declared to be.
    pub fn declared_place(&self) -> Result<Backend, Fault> {
        Ok(of_declared(&self.terraform.root, self.declared()?))
    }

    /// True where the data directory says nothing of the state: none is declared, so it is a file beside the root module.
    pub fn keeps_a_file(&self) -> Result<bool, Fault> {
        Ok(self.backend_file.is_none() && self.declared()?.is_none())
    }

    fn declared(&self) -> Result<Option<Declared>, Fault> {
        declared(&self.terraform.root, self.backend_file.as_deref()).map_err(unreadable)
    }

    fn binding_if_any(&self) -> Result<Option<Binding>, Fault> {
        let unreadable_binding = |error| unreadable(error).hint(moved_hint(&self.terraform.data.display().to_string()));
        let Some(bound) = bound(&self.terraform.data).map_err(unreadable_binding)? else { return Ok(None) };
        let declared = self.declared()?;
        let env = &self.environment.name;
        let place = self.terraform.data.display().to_string();
        let Some((kind, settings)) = declared else {
            return Err(Fault::refused(format!(
                "wrong place: the data directory of {env} is bound to a {} backend, and the root module declares none",
                bound.kind
            ))
            .hint(moved_hint(&place)));
        };
        if bound.workspace != "default" {
            return Err(Fault::refused(format!(
                "wrong place: workspace `{}` is selected in the data directory of {env}, and tiers works in `default` alone",
                bound.workspace
            ))
            .hint(format!("`{}`.", by_hand(&self.terraform, "workspace select default"))));
        }
        let differences = compare(&kind, &settings, &bound.config);
        if kind != bound.kind || !differences.is_empty() {
            let root = &self.terraform.root;
            let is_same = same_state(&placed(root, &kind, &settings), &placed(root, &bound.kind, &bound.config));
            return Err(Fault::refused(misbound(env, &kind, &bound, &differences, is_same)).hint(moved_hint(&place)));
        }
        let as_declared = match &self.backend_file {
            Some(file) => format!("as {} says", shown_below(file, &self.terraform.root)),
            None => "as the root module says".to_owned(),
        };
        Ok(Some(Binding { backend: placed(&self.terraform.root, &bound.kind, &bound.config), as_declared }))
    }

    /// Nothing that is declared for another environment leads to the same state.
    pub fn apart(&self) -> Result<(), Fault> {
        let mine = self.declared()?;
        // What a root module without a backend block ignores is told when the binding is looked at.
        if mine.is_none() && self.backend_file.is_some() {
            return Ok(());
        }
        let mine = of_declared(&self.terraform.root, mine);
        match self.declared_elsewhere().iter().find(|(_, theirs)| same_state(&mine, theirs)) {
            None => Ok(()),
            Some((name, _)) => Err(shared(&self.environment.name, name, &mine, "is declared for both")),
        }
    }

    /// What is declared for the other environments, where that can be read: a file of theirs that can't is their trouble.
    pub(super) fn declared_elsewhere(&self) -> Vec<(Env, Backend)> {
        let there = self
            .others
            .iter()
            .filter(|(_, root, file)| root.is_dir() && file.as_ref().is_none_or(|file| file.exists()));
        let declared = there.filter_map(|(name, root, file)| {
            Some((name.clone(), of_declared(root, declared(root, file.as_deref()).ok()?)))
        });
        declared.collect()
    }

    fn stamp(&self, tree: &Tree) -> Result<String, Fault> {
        let hash = |path: &Path| {
            let bytes = std::fs::read(path).map_err(|error| cant(path, &error))?;
            Ok::<_, Fault>(Digest::of(&bytes).to_string())
        };
        let file = self.backend_file.as_deref().map(hash).transpose()?.unwrap_or_default();
        // One that nobody committed is written by `init` itself.
        let providers = tree.locks_providers.then(|| hash(&self.terraform.root.join(PROVIDERS))).transpose()?;
        let providers = providers.unwrap_or_default();
        Ok(format!("{}\n{file}\n{}\n{providers}\n", tree.hash, self.terraform.program))
    }
}

/// There is no Terraform in this project, as far as it is declared.
pub fn undeclared() -> Fault {
    Fault::usage("tiers.toml has no [terraform]").hint(
        "Add it: `root = \"terraform\"`, `backend = \"envs/{environment}/backend.hcl\"`, `var_file = \
         \"envs/{environment}/terraform.tfvars\"`.",
    )
}

fn misbound(env: &Env, kind: &str, bound: &Bound, differences: &[Difference], is_same: bool) -> String {
    let mut text = match is_same {
        true => format!(
            "the data directory of {env} was bound before its backend's settings changed; the state is the same"
        ),
        false => format!("wrong place: the data directory of {env} is bound to another backend than is declared"),
    };
    if kind != bound.kind {
        text.push_str(&format!("\n  kind: declared {kind}, bound to {}", bound.kind));
    }
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    for one in differences {
        text.push_str(&format!("\n  {}: declared {}, bound to {}", one.name, value(&one.declared), value(&one.bound)));
    }
    text
}

pub fn moved_hint(place: &str) -> String {
    format!(
        "If what is declared is right, remove {place} and run this again: it is made anew, and no state is touched. A state is \
         moved by hand, never by tiers."
    )
}

fn shown_below(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

/// A folder that only its owner may enter.
pub fn private_folder(path: &Path) -> Result<(), Fault> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(path).map_err(|error| cant(path, &error))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(|error| cant(path, &error))
}

fn cant(path: &Path, error: &std::io::Error) -> Fault {
    Fault::errored(format!("{}: {error}", path.display()))
}

fn unreadable(error: BindingError) -> Fault {
    match error {
        BindingError::Syntax { .. } => Fault::usage(error.to_string()),
        BindingError::Io { .. } => Fault::errored(error.to_string()),
        BindingError::Foreign { .. } => {
            Fault::refused(format!("what Terraform is bound to can't be told: {}", chain(&error)))
        }
    }
}

/// The folder to oneself until what is answered is dropped.
async fn alone(home: &Path) -> Result<File, Fault> {
    let path = home.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| cant(&path, &error))?;
    let until = Instant::now() + ALONE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until && !interrupt::asked() => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Fault::errored(format!("another command initialises {}", home.display()))
                    .hint("Try again once it is done."));
            }
            Err(TryLockError::Error(error)) => return Err(cant(&path, &error)),
        }
    }
}
