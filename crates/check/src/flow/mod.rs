//! What jobs and scripts run, in order: through the scripts, recipes, functions and actions that they call, and through their branches
//! and loops, with the values of variables as far as their text tells.

mod choice;
mod condition;
mod just;
mod make;
pub(crate) mod matrix;
mod outcome;
mod structure;
mod variables;
mod walk;

use std::borrow::Cow;
use std::collections::BTreeMap;

use github_actions_models::common::expr::LoE;
use github_actions_models::common::{Env, If, Uses};
use github_actions_models::workflow::job::{NormalJob, SharedStepFields, Step};
use yamlpath::Component;

pub(crate) use condition::{certain, exclusive, is_answered};

use self::matrix::Combination;
use self::variables::{Language, Value};
use self::walk::{Script, Shell, Walk};
use crate::action::Action;
use crate::command::Command;
use crate::discover::usage;
use crate::model::FileId;
use crate::parsed::Parsed;
use crate::tree::FileTree;
use crate::workflow::{Run, Workflow, given};

/// One command that runs, and the step of the job that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Ran<'a> {
    pub(crate) file: FileId,
    pub(crate) step: usize,
    pub(crate) command: Command<'a>,
}

/// What a job runs.
#[derive(Debug, Default)]
pub(crate) struct JobFlow<'a> {
    pub(crate) ran: Vec<Ran<'a>>,
    /// What it hands to the jobs that need it, where that is written and not computed.
    pub(crate) outputs: BTreeMap<String, String>,
    /// What runs in each job that its matrix makes, or for each text that an expression may choose, where that is written.
    pub(crate) variants: Vec<Vec<Ran<'a>>>,
}

/// What runs in a repository.
#[derive(Debug, Default)]
pub(crate) struct Flows<'a> {
    jobs: BTreeMap<FileId, BTreeMap<&'a str, JobFlow<'a>>>,
    /// Scripts, functions that no script calls, and recipes, each by itself.
    pub(crate) alone: Vec<Alone<'a>>,
}

/// What runs when somebody calls a script or a recipe, of whom nothing is known.
#[derive(Debug)]
pub(crate) struct Alone<'a> {
    pub(crate) file: FileId,
    /// The recipe's name.
    pub(crate) goal: Option<String>,
    pub(crate) ran: Vec<Ran<'a>>,
}

impl<'a> Flows<'a> {
    pub(crate) fn find(tree: &'a FileTree, parsed: &'a [Parsed<'a>]) -> Flows<'a> {
        let files = Files { tree, parsed };
        let mut flows = Flows::default();
        for (file, parsed) in parsed.iter().enumerate() {
            match parsed {
                Parsed::Script(commands) => {
                    flows.alone.extend(alone(&files, file, commands));
                }
                Parsed::Workflow(workflow) => {
                    let mut runs: BTreeMap<&str, Vec<&Run<'a>>> = BTreeMap::new();
                    for run in &workflow.runs {
                        runs.entry(&run.job).or_default().push(run);
                    }
                    for (id, model) in workflow.normal_jobs() {
                        let runs = runs.remove(id).unwrap_or_default();
                        let job = JobFiles { files: &files, file, workflow, id, model, runs };
                        flows.jobs.entry(file).or_default().insert(id, job.flow());
                    }
                }
                _ => {}
            }
        }
        flows
    }

    pub(crate) fn job(&self, file: FileId, id: &str) -> Option<&JobFlow<'a>> {
        self.jobs.get(&file)?.get(id)
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = &JobFlow<'a>> {
        self.jobs.values().flat_map(BTreeMap::values)
    }
}

/// A script or the recipes of a file, called by somebody of whom nothing is known.
fn alone<'a>(files: &Files<'a>, file: FileId, commands: &'a [Command<'a>]) -> Vec<Alone<'a>> {
    let mut walk = Walk::new(files);
    let name = files.tree.files()[file].name();
    let recipes = if make::is_makefile(name) {
        Some(make::goals(&mut walk, file))
    } else if just::is_justfile(name) {
        Some(just::recipes(&mut walk, file))
    } else {
        None
    };
    if let Some(recipes) = recipes {
        return recipes.into_iter().map(|(goal, ran)| Alone { file, goal: Some(goal), ran }).collect();
    }
    let mut shell = Shell::new(Language::Shell);
    walk.script(&Script::new(file, Cow::Borrowed(commands)), &mut shell);
    let ran = std::mem::take(&mut walk.out);
    let mut out = vec![ran];
    out.extend(walk.uncalled(&shell));
    out.into_iter().map(|ran| Alone { file, goal: None, ran }).collect()
}

struct JobFiles<'f, 'a> {
    files: &'f Files<'a>,
    file: FileId,
    workflow: &'a Workflow<'a>,
    id: &'a str,
    model: &'a NormalJob,
    runs: Vec<&'a Run<'a>>,
}

impl<'a> JobFiles<'_, 'a> {
    fn flow(&self) -> JobFlow<'a> {
        let matrix = self.model.strategy.as_ref().and_then(|strategy| strategy.matrix.as_ref());
        let combinations = match matrix {
            Some(LoE::Literal(matrix)) => {
                let mut combinations = matrix::combinations(matrix).unwrap_or_default();
                let names = combinations.iter_mut().flatten().map(|(name, _)| name);
                names.for_each(|name| *name = format!("matrix.{name}"));
                combinations
            }
            Some(LoE::Expr(_)) => Vec::new(),
            None => choice::choices(&self.written()),
        };
        let variants = combinations.iter().map(|combination| self.steps(combination).0).collect();
        let (ran, after) = self.steps(&Vec::new());
        let outputs = self.model.outputs.iter().map(|(name, value)| (name, value.to_string()));
        let outputs = outputs.filter_map(|(name, value)| {
            let told = after.variables.substitute(&value, &[]);
            (told != value || !told.contains("${{")).then(|| (name.clone(), told))
        });
        JobFlow { ran, outputs: outputs.collect(), variants }
    }

    /// What this job sees of the workflow's text: its own and the environment that all jobs have.
    fn written(&self) -> String {
        let routes = [vec![Component::from("env")], vec!["jobs".into(), self.id.into()]];
        let spans = routes.iter().filter_map(|route| self.workflow.exact(route));
        let texts = spans.filter_map(|span| self.workflow.text.get(span.start as usize..span.end as usize));
        texts.collect::<Vec<_>>().join("\n")
    }

    /// What runs, and what is known when all of it has run.
    fn steps(&self, combination: &Combination) -> (Vec<Ran<'a>>, Shell<'a>) {
        let mut walk = Walk::new(self.files);
        let mut job = Shell::new(Language::Shell);
        job.variables.arguments = Some(Vec::new());
        for (name, value) in combination {
            job.variables.set(name, Value::Text(value.clone()), &[]);
        }
        environment(&mut job, &self.workflow.model.env);
        environment(&mut job, &self.model.env);
        for (index, step) in self.model.steps.iter().enumerate() {
            let shared = match step {
                Step::Run(run) => Some(&run.shared),
                Step::Uses(uses) => Some(&uses.shared),
                _ => None,
            };
            walk.step = index;
            let first = walk.out.len();
            let mut shell = job.clone();
            if let Some(shared) = shared {
                begin(&mut shell, shared);
            }
            for run in self.runs.iter().filter(|run| run.step == index) {
                shell.dir = run.working_directory.as_ref().map(|dir| shell.variables.substitute(dir, &[]));
                walk.script(&Script::new(self.file, Cow::Borrowed(run.commands.as_slice())), &mut shell.clone());
            }
            if let Step::Uses(uses) = step {
                let inputs = |name: &str| given(&uses.with, name);
                self.action(&mut walk, &uses.uses, &inputs, &shell, MAX_ACTIONS);
            }
            let written = &walk.out[first..];
            written.iter().for_each(|ran| keep(&mut job, &ran.command));
            if let Some(id) = shared.and_then(|shared| shared.id.as_deref()) {
                hand_on(&mut job, id, written);
                if let Step::Uses(uses) = step {
                    image_of(&mut job, id, &uses.uses, given(&uses.with, "images"));
                }
            }
        }
        (walk.out, job)
    }

    /// The commands of an action of this repository, and of those that it uses in turn.
    fn action(
        &self,
        walk: &mut Walk<'_, 'a>,
        uses: &Uses,
        inputs: &dyn Fn(&str) -> Option<String>,
        caller: &Shell<'a>,
        depth: usize,
    ) {
        let Some((file, action)) = self.files.action(uses).filter(|_| depth > 0) else { return };
        let mut shell = caller.clone();
        for (name, input) in &action.model.inputs {
            let value = inputs(name).or_else(|| input.default.clone()).unwrap_or_default();
            let value = caller.variables.substitute(&value, &[]);
            shell.variables.set(&format!("inputs.{name}"), Value::Text(value), &[]);
        }
        walk.script(&Script::new(file, Cow::Borrowed(action.commands.as_slice())), &mut shell.clone());
        for inner in action.uses() {
            self.action(walk, inner, &|_| None, &shell, depth - 1);
        }
    }
}

/// Actions that use actions are followed this deep.
const MAX_ACTIONS: usize = 4;

fn environment(shell: &mut Shell<'_>, env: &LoE<Env>) {
    let LoE::Literal(env) = env else { return };
    for (name, value) in env {
        let value = shell.variables.substitute(&value.to_string(), &[]);
        shell.variables.set(&format!("env.{name}"), Value::Text(value.clone()), &[]);
        shell.variables.set(name, Value::Text(value), &[]);
    }
}

fn begin(shell: &mut Shell<'_>, shared: &SharedStepFields) {
    environment(shell, &shared.env);
    if let Some(If::Expr(text)) = &shared.r#if {
        shell.guards.push(condition::of_step(&shell.variables.substitute(text, &[])));
    }
}

/// `echo NAME=value >> "$GITHUB_ENV"` holds from the next step on.
fn keep(job: &mut Shell<'_>, command: &Command<'_>) {
    if !command.words.iter().any(|word| word.text.contains("GITHUB_ENV")) || command.program() != "echo" {
        return;
    }
    let Some((name, value)) = command.args().first().and_then(|word| word.text.split_once('=')) else { return };
    job.variables.assign(name, value, &command.guards);
    job.variables.assign(&format!("env.{name}"), value, &command.guards);
}

/// `echo NAME=value >> "$GITHUB_OUTPUT"` is `steps.ID.outputs.NAME` from the next step on.
fn hand_on(job: &mut Shell<'_>, id: &str, ran: &[Ran<'_>]) {
    let told = |ran: &Ran<'_>| ran.command.words.iter().any(|word| word.text.contains("GITHUB_OUTPUT"));
    let by_file = ran.iter().any(told);
    for command in ran.iter().map(|ran| &ran.command).filter(|command| command.program() == "echo") {
        let Some(text) = command.args().first().map(|word| word.text.as_ref()) else { continue };
        let old = text.strip_prefix("::set-output name=").and_then(|rest| rest.split_once("::"));
        let Some((name, value)) = old.or_else(|| text.split_once('=').filter(|_| by_file)) else { continue };
        job.variables.assign(&format!("steps.{id}.outputs.{name}"), value, &command.guards);
    }
}

/// What this action calls tags are an image's name with a tag.
fn image_of(job: &mut Shell<'_>, id: &str, uses: &Uses, images: Option<String>) {
    let Some(images) = images.filter(|_| uses.raw().starts_with("docker/metadata-action@")) else { return };
    let Some(image) = images.lines().map(str::trim).find(|line| !line.is_empty()) else { return };
    let image = job.variables.substitute(image, &[]);
    let text = format!("{image}:${{{{ steps.{id}.outputs.version }}}}");
    job.variables.set(&format!("steps.{id}.outputs.tags"), Value::Text(text), &[]);
}

/// The files of a repository, as those who call them name them.
pub(crate) struct Files<'a> {
    tree: &'a FileTree,
    parsed: &'a [Parsed<'a>],
}

impl<'a> Files<'a> {
    fn text(&self, file: FileId) -> &'a str {
        self.tree.files()[file].text().unwrap_or_default()
    }

    fn action(&self, uses: &Uses) -> Option<(FileId, &'a Action<'a>)> {
        let Uses::Local(_) = uses else { return None };
        let folder = uses.raw().trim_start_matches("./").trim_end_matches('/');
        let path = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
        let file = ["action.yml", "action.yaml"].iter().find_map(|name| self.tree.index_of(&path(name)))?;
        match &self.parsed[file] {
            Parsed::Action(action) => Some((file, action)),
            _ => None,
        }
    }

    /// The script that a command starts or reads, with what it is given.
    fn called<'c>(&self, from: FileId, command: &'c Command<'a>) -> Option<(FileId, &'c [crate::command::Word<'a>])> {
        const READ_ONLY: &[&str] = &[
            "[",
            "[[",
            "bats",
            "cat",
            "chmod",
            "cp",
            "diff",
            "docker",
            "echo",
            "find",
            "git",
            "grep",
            "head",
            "jq",
            "ls",
            "mkdir",
            "mv",
            "printf",
            "rm",
            "sed",
            "shellcheck",
            "shfmt",
            "tail",
            "tar",
            "test",
            "touch",
            "unzip",
            "zip",
        ];
        let program = command.program();
        if READ_ONLY.contains(&program) {
            return None;
        }
        let args = command.args();
        let (word, rest) = match program {
            "bash" | "sh" | "zsh" | "source" | "." => {
                let at = args.iter().position(|word| !word.text.starts_with('-'))?;
                (&args[at], &args[at + 1..])
            }
            _ => {
                let at = command.words.iter().position(|word| word.text.contains('/') && !word.text.contains('='))?;
                (&command.words[at], &command.words[at + 1..])
            }
        };
        let end = rest.iter().position(|word| word.text.starts_with(['>', '<'])).unwrap_or(rest.len());
        Some((self.resolve(from, &word.text)?, &rest[..end]))
    }

    /// The file that a path leads to: beside the one that names it where the folder is computed, then from the root, then anywhere.
    fn resolve(&self, from: FileId, written: &str) -> Option<FileId> {
        let pattern = usage::pattern(written);
        let (computed, path) = match pattern.rsplit_once('*') {
            Some((_, path)) => (true, path.strip_prefix('/')?),
            None => (false, pattern.as_str()),
        };
        let own = self.tree.files()[from].dir();
        let beside = joined(own, path).and_then(|path| self.tree.index_of(&path));
        let at_root = joined("", path).and_then(|path| self.tree.index_of(&path));
        let end = path.trim_start_matches("./").trim_start_matches("../");
        let anywhere = || {
            let ends = |path: &str| path.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'));
            self.tree.files().iter().position(|file| !end.is_empty() && ends(file.path()))
        };
        if computed { beside.or(at_root) } else { at_root.or(beside) }.or_else(anywhere)
    }
}

/// A path below a folder, without `.` and `..`; `None` where it leads out of the repository.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
