//! Walks through what a job or a script runs: branches, loops, functions, and the scripts and recipes that it calls, with the values
//! of variables as far as they can be told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::condition::{self, Asked};
use super::structure::{self, Item, Joint, Node};
use super::variables::{Language, Value, Variables};
use super::{Files, Ran, just, make, outcome};
use crate::command::{Command, Guard, Word, is_local};
use crate::discover::usage::is_terraform;
use crate::hcl::Span;
use crate::model::FileId;
use crate::parsed::Parsed;

/// Scripts that call scripts, functions and recipes are followed this deep.
const MAX_DEPTH: usize = 8;
/// A loop over a longer list is walked through once, with nothing known of what it goes over.
const MAX_ROUNDS: usize = 16;
/// What one job or script runs in all; more is left out.
const MAX_COMMANDS: usize = 5000;

/// A text with its structure.
pub(super) struct Script<'a> {
    pub(super) file: FileId,
    pub(super) commands: Cow<'a, [Command<'a>]>,
    pub(super) items: Vec<Item>,
}

impl<'a> Script<'a> {
    pub(super) fn new(file: FileId, commands: Cow<'a, [Command<'a>]>) -> Rc<Script<'a>> {
        let items = structure::read(&commands);
        Rc::new(Script { file, commands, items })
    }
}

#[derive(Clone)]
struct Function<'a> {
    script: Rc<Script<'a>>,
    body: Rc<Vec<Item>>,
    called: bool,
}

/// One shell.
#[derive(Clone)]
pub(super) struct Shell<'a> {
    pub(super) variables: Variables<'a>,
    functions: BTreeMap<String, Function<'a>>,
    pub(super) guards: Vec<Guard>,
    /// Where it was started.
    pub(super) dir: Option<String>,
    background: bool,
    /// In a loop that looks, or after a failure.
    paced: bool,
    /// Whatever fails in it, what comes next runs as if it had not.
    lost: bool,
    trapped: bool,
    depth: usize,
    /// Where the call stands whose arguments these are.
    called_at: Option<(FileId, Span)>,
}

impl<'a> Shell<'a> {
    pub(super) fn new(language: Language) -> Shell<'a> {
        Shell {
            variables: Variables::new(language),
            functions: BTreeMap::new(),
            guards: Vec::new(),
            dir: None,
            background: false,
            paced: false,
            lost: false,
            trapped: false,
            depth: 0,
            called_at: None,
        }
    }

    /// A program that this shell starts: it sees its variables, not its functions.
    pub(super) fn child(&self, language: Language) -> Shell<'a> {
        let mut variables = self.variables.clone();
        variables.language = language;
        variables.arguments = Some(Vec::new());
        Shell { variables, functions: BTreeMap::new(), depth: self.depth + 1, ..self.clone() }
    }
}

pub(super) struct Walk<'f, 'a> {
    pub(super) files: &'f Files<'a>,
    pub(super) step: usize,
    pub(super) out: Vec<Ran<'a>>,
}

impl<'f, 'a> Walk<'f, 'a> {
    pub(super) fn new(files: &'f Files<'a>) -> Walk<'f, 'a> {
        Walk { files, step: 0, out: Vec::new() }
    }

    pub(super) fn script(&mut self, script: &Rc<Script<'a>>, shell: &mut Shell<'a>) {
        self.items(script, &script.items, shell);
    }

    /// The functions of a script that nothing in it calls: each as if somebody called it.
    pub(super) fn uncalled(&mut self, shell: &Shell<'a>) -> Vec<Vec<Ran<'a>>> {
        let functions = shell.functions.values().filter(|function| !function.called);
        let mut out = Vec::new();
        for function in functions.cloned().collect::<Vec<_>>() {
            let mut own = shell.clone();
            own.variables.arguments = None;
            self.items(&function.script, &function.body, &mut own);
            out.push(std::mem::take(&mut self.out));
        }
        out
    }

    fn items(&mut self, script: &Rc<Script<'a>>, items: &[Item], shell: &mut Shell<'a>) {
        let outer = shell.guards.clone();
        let mut asked: Option<Asked> = None;
        let mut skipped = false;
        for (index, item) in items.iter().enumerate() {
            if self.out.len() > MAX_COMMANDS {
                break;
            }
            match item.joint {
                Joint::Then | Joint::Pipe => {
                    shell.guards.clone_from(&outer);
                    skipped = false;
                }
                Joint::And | Joint::Or => {
                    let wanted = item.joint == Joint::And;
                    if let Some(Asked { guard, answer }) = asked.take() {
                        let holds = guard.holds == wanted;
                        skipped |= answer == Some(!wanted);
                        if answer.is_none() {
                            shell.guards.push(Guard { holds, ..guard });
                        }
                    }
                }
            }
            if !skipped {
                let before = (shell.paced, shell.lost);
                shell.paced |= item.joint == Joint::Or;
                shell.lost |= outcome::is_lost(&script.commands, &items[index + 1..]);
                asked = self.node(script, item, shell);
                (shell.paced, shell.lost) = before;
            }
        }
        shell.guards = outer;
    }

    /// What the node asks, for those that follow it with `&&` or `||`.
    fn node(&mut self, script: &Rc<Script<'a>>, item: &Item, shell: &mut Shell<'a>) -> Option<Asked> {
        match &item.node {
            Node::Run(index) => return self.command(script, *index, item.joint, shell),
            Node::If(arms) => self.branches(script, arms, shell),
            Node::For { head, body } => {
                let before = shell.paced;
                shell.paced |= outcome::leaves(&script.commands, body);
                self.each(script, *head, body, shell);
                shell.paced = before;
            }
            Node::Loop(asks, body) => {
                let before = std::mem::replace(&mut shell.paced, true);
                self.items(script, asks, shell);
                let outer = shell.guards.clone();
                shell.guards.push(sometimes(script, body));
                self.items(script, body, shell);
                (shell.guards, shell.paced) = (outer, before);
            }
            Node::Case { head, arms } => self.case(script, *head, arms, shell),
            Node::Function { name, body } => {
                let function = Function { script: Rc::clone(script), body: Rc::clone(body), called: false };
                shell.functions.insert(name.clone(), function);
            }
            Node::Group { body, background } => {
                let before = shell.background;
                shell.background |= *background;
                self.items(script, body, shell);
                shell.background = before;
            }
            Node::Array { name, elements } => {
                let words = elements.iter().flat_map(|index| script.commands[*index].words.iter());
                let text = self.files.text(script.file);
                let elements: Vec<Word<'a>> = words.cloned().collect();
                let (elements, _) = shell.variables.expand(text, 0, &elements, &shell.guards);
                let guards = shell.guards.clone();
                shell.variables.set(name, Value::List(elements), &guards);
            }
        }
        None
    }

    fn branches(&mut self, script: &Rc<Script<'a>>, arms: &[(Vec<Item>, Vec<Item>)], shell: &mut Shell<'a>) {
        let outer = shell.guards.clone();
        let before = shell.lost;
        let told = outcome::is_only_told(&script.commands, arms);
        for (asks, body) in arms {
            if asks.is_empty() {
                self.items(script, body, shell);
                break;
            }
            shell.lost |= told;
            let asked = match &asks[..] {
                [Item { node: Node::Run(index), joint }] => self.command(script, *index, *joint, shell),
                several => {
                    self.items(script, several, shell);
                    None
                }
            };
            shell.lost = before;
            let Asked { guard, answer } = asked.unwrap_or(Asked { guard: sometimes(script, asks), answer: None });
            match answer {
                Some(true) => {
                    shell.guards.push(guard);
                    self.items(script, body, shell);
                    break;
                }
                Some(false) => {}
                None => {
                    let before = shell.paced;
                    shell.paced |= outcome::asks_for_failure(&script.commands, asks);
                    shell.guards.push(guard.clone());
                    self.items(script, body, shell);
                    shell.guards.pop();
                    shell.paced = before;
                    shell.guards.push(Guard { holds: !guard.holds, ..guard });
                }
            }
        }
        shell.guards = outer;
    }

    fn each(&mut self, script: &Rc<Script<'a>>, head: usize, body: &[Item], shell: &mut Shell<'a>) {
        let command = &script.commands[head];
        let skip = command.words.iter().position(|word| word.text == "for" || word.text == "select").unwrap_or(0);
        let Some(name) = command.words.get(skip + 1).map(|word| word.text.to_string()) else { return };
        self.push(script.file, command.clone(), shell);
        let listed = command.words.get(skip + 3..).unwrap_or_default();
        let (words, _) = shell.variables.expand(self.files.text(script.file), 0, listed, &shell.guards);
        let values: Vec<String> = words.iter().flat_map(|word| braces(&word.text)).collect();
        let known = |text: &String| !text.contains(['$', '`', '*', '{']);
        let guards = shell.guards.clone();
        if !values.is_empty() && values.len() <= MAX_ROUNDS && values.iter().all(known) {
            for value in values {
                shell.variables.set(&name, Value::Text(value), &guards);
                self.items(script, body, shell);
            }
            return;
        }
        shell.variables.set(&name, Value::Unknown, &guards);
        shell.guards.push(sometimes(script, body));
        self.items(script, body, shell);
        shell.guards = guards;
    }

    fn case(&mut self, script: &Rc<Script<'a>>, head: usize, arms: &[(Vec<String>, Vec<Item>)], shell: &mut Shell<'a>) {
        let command = &script.commands[head];
        let skip = command.words.iter().position(|word| word.text == "case").unwrap_or(0);
        let asked = command.words.get(skip + 1).map_or(String::new(), |word| word.text.to_string());
        let asked = shell.variables.substitute(&asked, &shell.guards);
        let outer = shell.guards.clone();
        let known = !asked.contains(['$', '`']) && !asked.contains("{{");
        for (patterns, body) in arms {
            if known {
                if let Some(pattern) = patterns.iter().find(|pattern| condition::matches(&asked, pattern)) {
                    shell.guards.push(Guard { asked, with: pattern.clone(), holds: true });
                    self.items(script, body, shell);
                    break;
                }
                continue;
            }
            let fits = |pattern: &String, holds: bool| Guard { asked: asked.clone(), with: pattern.clone(), holds };
            let before = shell.guards.len();
            match &patterns[..] {
                [pattern] if pattern == "*" => {}
                [pattern] => shell.guards.push(fits(pattern, true)),
                several => shell.guards.push(fits(&several.join("|"), true)),
            }
            self.items(script, body, shell);
            shell.guards.truncate(before);
            shell.guards.extend(patterns.iter().map(|pattern| fits(pattern, false)));
        }
        shell.guards = outer;
    }

    fn command(&mut self, script: &Rc<Script<'a>>, index: usize, joint: Joint, shell: &mut Shell<'a>) -> Option<Asked> {
        let written = &script.commands[index];
        let text = self.files.text(script.file);
        let (words, from_caller) = shell.variables.expand(text, 0, &written.words, &shell.guards);
        let mut command = Command { words, before: Vec::new(), after: Vec::new(), ..written.clone() };
        let mut file = script.file;
        if from_caller && let Some((called_in, span)) = shell.called_at {
            file = called_in;
            for word in &mut command.words {
                (word.start, word.end) = (span.start as usize, span.end as usize);
            }
        }
        command.dir =
            command.dir.map(|dir| shell.variables.substitute(&dir, &shell.guards)).or_else(|| shell.dir.clone());
        command.background |= shell.background;
        self.terraform_arguments(&mut command, joint, shell);
        let endpoint = || shell.variables.text("AWS_ENDPOINT_URL", &shell.guards);
        let speaks = matches!(command.program(), "aws" | "sam" | "cdk" | "npx") || is_terraform(command.program());
        command.local = speaks && endpoint().is_some_and(is_local);
        self.assign(&command, shell);
        let asked = condition::of_command(&command);
        let is_question = condition::is_question(&command);
        let span = command.span();
        self.push(file, command.clone(), shell);
        if shell.depth < MAX_DEPTH {
            let (before, own) = (shell.lost, self.out.len());
            shell.lost |= command.failure_ignored;
            self.follow(script, &command, (file, span), shell);
            shell.lost = before;
            let runs = self.out.len() - own;
            if let Some(ran) = own.checked_sub(1).and_then(|index| self.out.get_mut(index)).filter(|_| runs > 0) {
                ran.command.runs = runs;
            }
        }
        is_question.then_some(asked)
    }

    fn push(&mut self, file: FileId, command: Command<'a>, shell: &Shell<'a>) {
        if self.out.len() <= MAX_COMMANDS {
            let failure_ignored = command.failure_ignored || shell.lost;
            let Shell { guards, paced, trapped, .. } = shell;
            let (guards, paced, trapped) = (guards.clone(), *paced, *trapped);
            let command = Command { guards, paced, trapped, failure_ignored, ..command };
            self.out.push(Ran { file, step: self.step, command });
        }
    }

    /// What Terraform takes from the environment and from what is piped into it, as if it stood on its command line.
    fn terraform_arguments(&self, command: &mut Command<'a>, joint: Joint, shell: &Shell<'a>) {
        if !is_terraform(command.program()) {
            return;
        }
        let chosen = shell.variables.text("TF_WORKSPACE", &shell.guards);
        if let (Some(chosen), Some(first)) = (chosen, command.words.first().cloned())
            && !command.assignments().any(|(name, _)| name == "TF_WORKSPACE")
        {
            command.words.insert(0, Word { text: Cow::Owned(format!("TF_WORKSPACE={chosen}")), ..first });
        }
        let subcommand = command.subcommands().next().unwrap_or_default().to_string();
        let mut more: Vec<String> = Vec::new();
        for name in ["TF_CLI_ARGS".to_string(), format!("TF_CLI_ARGS_{subcommand}")] {
            let here = command.assignments().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
            let held = here.or_else(|| shell.variables.text(&name, &shell.guards).map(ToString::to_string));
            more.extend(held.iter().flat_map(|held| held.split_whitespace()).map(ToString::to_string));
        }
        let answers = |ran: &Ran<'_>| {
            let words: Vec<&str> = ran.command.words.iter().map(|word| word.text.as_ref()).collect();
            matches!(words[..], ["yes"] | ["yes" | "echo" | "printf", "yes" | "yes\\n"])
        };
        if joint == Joint::Pipe
            && self.out.last().is_some_and(answers)
            && matches!(subcommand.as_str(), "apply" | "destroy")
        {
            more.push("-auto-approve".to_string());
        }
        let Some(last) = command.words.last().cloned() else { return };
        command.words.extend(more.into_iter().map(|text| Word { text: Cow::Owned(text), ..last.clone() }));
    }

    /// Assignments, with and without `export`, and what else gives a variable a value.
    fn assign(&mut self, command: &Command<'a>, shell: &mut Shell<'a>) {
        let guards = shell.guards.clone();
        let name_of = |name: &str| match shell.variables.language {
            Language::Make => format!("$${name}"),
            Language::Shell | Language::Just => name.to_string(),
        };
        let mut words = command.words.iter().map(|word| word.text.as_ref()).peekable();
        while words
            .next_if(|word| {
                matches!(*word, "then" | "else" | "do" | "{" | "export" | "local" | "readonly" | "declare" | "typeset")
            })
            .is_some()
        {}
        let words: Vec<&str> = words.collect();
        match &words[..] {
            ["read", names @ ..] => {
                for name in names.iter().filter(|name| !name.starts_with('-')) {
                    shell.variables.set(name, Value::Unknown, &guards);
                }
            }
            ["shift"] => {
                if let Some(arguments) = shell.variables.arguments.as_mut().filter(|arguments| !arguments.is_empty()) {
                    arguments.remove(0);
                }
            }
            ["shift", ..] => shell.variables.arguments = None,
            ["set", "--", ..] => shell.variables.arguments = None,
            _ => {
                let pairs: Vec<(String, &str)> = words
                    .iter()
                    .map_while(|word| {
                        let (name, value) = word.split_once('=')?;
                        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                        (plain && !name.is_empty()).then(|| (name_of(name), value))
                    })
                    .collect();
                // In front of a program it holds for that program alone.
                if pairs.len() == words.len() {
                    for (name, value) in pairs {
                        shell.variables.assign(&name, value, &guards);
                    }
                }
            }
        }
    }

    /// The function, recipe or script that a command calls.
    fn follow(&mut self, script: &Rc<Script<'a>>, command: &Command<'a>, at: (FileId, Span), shell: &mut Shell<'a>) {
        let mut program = command.program().to_string();
        let is_trap = program == "trap";
        if is_trap {
            // What runs is the first word of what it is given.
            let text = command.args().first().map_or("", |word| word.text.as_ref());
            program = text.split([' ', ';', '&', '|']).next().unwrap_or_default().to_string();
        }
        if let Some(function) = shell.functions.get_mut(&program).filter(|_| !command.nested || !program.is_empty()) {
            function.called = true;
            let Function { script, body, .. } = function.clone();
            let (arguments, dir) = (shell.variables.arguments.take(), shell.dir.clone());
            let (called_at, background, trapped) = (shell.called_at.replace(at), shell.background, shell.trapped);
            shell.trapped |= is_trap;
            shell.variables.arguments = (!is_trap).then(|| command.args().to_vec());
            shell.background = command.background;
            shell.dir.clone_from(&command.dir);
            shell.depth += 1;
            self.items(&script, &body, shell);
            shell.depth -= 1;
            (shell.variables.arguments, shell.dir) = (arguments, dir);
            (shell.called_at, shell.background, shell.trapped) = (called_at, background, trapped);
            return;
        }
        if is_trap {
            return;
        }
        let inner = |shell: &Shell<'a>| {
            let (background, dir) = (command.background, command.dir.clone());
            Shell { called_at: Some(at), background, dir, ..shell.clone() }
        };
        match program.as_str() {
            "make" | "gmake" | "$(MAKE)" | "${MAKE}" => return make::call(self, script.file, command, &inner(shell)),
            "just" => return just::call(self, script.file, command, &inner(shell)),
            _ => {}
        }
        let Some((file, arguments)) = self.files.called(script.file, command) else { return };
        let Parsed::Script(commands) = &self.files.parsed[file] else { return };
        let called = Script::new(file, Cow::Borrowed(commands.as_slice()));
        if matches!(program.as_str(), "source" | ".") {
            shell.depth += 1;
            self.script(&called, shell);
            shell.depth -= 1;
            return;
        }
        let mut child = inner(shell).child(Language::Shell);
        child.variables.arguments = Some(arguments.to_vec());
        self.script(&called, &mut child);
    }
}

/// A condition that is like no other.
fn sometimes(script: &Script<'_>, items: &[Item]) -> Guard {
    Guard { asked: format!("{}:{:p}", script.file, items.as_ptr()), with: String::new(), holds: true }
}

/// `a{b,c}` is two words.
fn braces(word: &str) -> Vec<String> {
    let parts = word.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?)));
    match parts {
        Some((head, (inner, tail))) if inner.contains(',') && !head.ends_with('$') => {
            inner.split(',').map(|piece| format!("{head}{piece}{tail}")).collect()
        }
        _ => vec![word.to_string()],
    }
}
