//! Commands in shell text: scripts, Makefiles, justfiles and the `run:` of workflows.
//!
//! No shell: words, quotes, line continuations and the operators between commands, which is enough to see which programs
//! are called with which arguments. Variables and `${{ }}` stay in the words as they are written.

use std::borrow::Cow;

use crate::hcl::Span;

/// Flags of kubectl, helm, aws, gcloud, docker, make and git that people write before the subcommand, with their value as a word of
/// its own.
const TAKES_VALUE: &[&str] = &[
    "--account",
    "--cluster",
    "--context",
    "--endpoint-url",
    "--kube-context",
    "--kubeconfig",
    "--namespace",
    "--output",
    "--profile",
    "--project",
    "--region",
    "-C",
    "-n",
];

/// One call of a program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command<'a> {
    pub(crate) words: Vec<Word<'a>>,
    /// The folder of the last `cd` before it in the same text, as written.
    pub(crate) dir: Option<String>,
    /// Followed by `|| true`, `|| :` or `|| exit 0`; where it was followed, whatever lets its failure count for nothing.
    pub(crate) failure_ignored: bool,
    /// It stands right of `||`.
    pub(crate) after_or: bool,
    /// Put into the background with `&`.
    pub(crate) background: bool,
    /// It stands inside of `$(…)` of the command after it.
    pub(crate) nested: bool,
    /// What stands between it and the command before it, as far as it tells which of them run.
    pub(crate) before: Vec<Operator>,
    /// The same behind the last command of a text.
    pub(crate) after: Vec<Operator>,
    /// What must hold for it to run, where that was followed.
    pub(crate) guards: Vec<Guard>,
    /// It stands in a loop that looks, or is what is done after a failure, where that was followed: a pause there is how one waits.
    pub(crate) paced: bool,
    /// How many of the commands behind it belong to the script, recipe or function that it calls.
    pub(crate) runs: usize,
    /// A trap runs it, when something failed or at the end.
    pub(crate) trapped: bool,
    /// It speaks to a stand-in on the machine that it runs on, as the environment says.
    pub(crate) local: bool,
}

/// What parts commands, but for the end of a line and `;`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    And,
    Or,
    Pipe,
    Open,
    Close,
    /// `;;`
    ArmEnd,
    /// `&` after a closing parenthesis.
    Background,
}

/// A condition, with the answer that lets a command run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    /// What is compared, or the whole condition.
    pub(crate) asked: String,
    /// With what it is compared.
    pub(crate) with: String,
    pub(crate) holds: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    /// Without its quotes.
    pub(crate) text: Cow<'a, str>,
    /// Byte offsets into the file.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'a> Command<'a> {
    /// The program's name, after `VAR=x`, `sudo`, `exec`, `time`, `doppler run --`, `aws-vault exec x --` and the like.
    pub(crate) fn program(&self) -> &str {
        self.words.get(self.program_index()).map_or("", |word| word.text.rsplit('/').next().unwrap_or(&word.text))
    }

    /// The words after the program.
    pub(crate) fn args(&self) -> &[Word<'a>] {
        self.words.get(self.program_index() + 1..).unwrap_or_default()
    }

    pub(crate) fn has_arg(&self, arg: &str) -> bool {
        self.args().iter().any(|word| word.text == arg)
    }

    /// The first arguments that are no flags, nor a value of one that may stand before a subcommand: `["ecr", "describe-images"]`
    /// of `aws --profile x ecr describe-images`.
    pub(crate) fn subcommands(&self) -> impl Iterator<Item = &str> {
        let mut is_value = false;
        self.args().iter().map(|word| word.text.as_ref()).filter(move |text| {
            let skipped = std::mem::replace(&mut is_value, TAKES_VALUE.contains(text));
            !skipped && !text.starts_with('-')
        })
    }

    /// Values of a flag in both of its forms, `--flag value` and `--flag=value`, with one dash or two.
    pub(crate) fn values<'b, 'f>(
        &'b self,
        flag: &'f str,
    ) -> impl Iterator<Item = (&'b str, &'b Word<'a>)> + use<'a, 'b, 'f> {
        let args = self.args();
        args.iter().enumerate().filter_map(move |(index, word)| {
            let text = word.text.trim_start_matches('-');
            if text.len() == word.text.len() {
                return None;
            }
            match text.split_once('=') {
                Some((name, value)) if name == flag => Some((value, word)),
                None if text == flag => args.get(index + 1).map(|next| (next.text.as_ref(), next)),
                _ => None,
            }
        })
    }

    pub(crate) fn value(&self, flag: &str) -> Option<&str> {
        self.values(flag).next().map(|(value, _)| value)
    }

    /// From the first word to the last.
    pub(crate) fn span(&self) -> Span {
        let offset =
            |word: Option<&Word<'_>>, of: fn(&Word<'_>) -> usize| u32::try_from(word.map_or(0, of)).unwrap_or(0);
        Span { start: offset(self.words.first(), |word| word.start), end: offset(self.words.last(), |word| word.end) }
    }

    /// The assignments in front of the program: `TF_VAR_x=1 terraform plan`.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = (&str, &str)> {
        self.words[..self.program_index().min(self.words.len())].iter().filter_map(|word| assignment(&word.text))
    }

    fn program_index(&self) -> usize {
        let mut index = 0;
        while let Some(word) = self.words.get(index) {
            let text = word.text.trim_start_matches(['@', '-', '+', '(', '{']);
            let wrapper = matches!(
                text,
                "" | "sudo"
                    | "exec"
                    | "time"
                    | "env"
                    | "nohup"
                    | "export"
                    | "if"
                    | "then"
                    | "else"
                    | "do"
                    | "while"
                    | "!"
                    | "until"
                    | "command"
                    | "retry"
            );
            if wrapper || assignment(text).is_some() {
                index += 1;
            } else if matches!(
                text,
                "doppler" | "aws-vault" | "op" | "chamber" | "infisical" | "xargs" | "timeout" | "nice"
            ) {
                match self.words[index..].iter().position(|word| word.text == "--") {
                    Some(at) => index += at + 1,
                    None if text == "timeout" => index += 2,
                    None => return index,
                }
            } else {
                return index;
            }
        }
        0
    }
}

fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (plain && !name.starts_with(|first: char| first.is_ascii_digit())).then_some((name, value))
}

/// Whether an address is of the machine itself, or of a stand-in beside it.
pub(crate) fn is_local(address: &str) -> bool {
    ["localhost", "127.0.0.1", "localstack", "host.docker.internal", "moto"].iter().any(|host| address.contains(host))
}

/// The same command, where whoever runs it lets it fail.
pub(crate) fn may_fail(command: Command<'_>, may_fail: bool) -> Command<'_> {
    Command { failure_ignored: command.failure_ignored || may_fail, ..command }
}

/// The commands of a text in which a line's end is a space, as in a folded scalar of YAML.
pub(crate) fn split_folded(text: &str, base: usize) -> Vec<Command<'_>> {
    splitter(text, base, true).run()
}

/// All commands of a text whose first byte stands at `base` in its file.
pub(crate) fn split(text: &str, base: usize) -> Vec<Command<'_>> {
    splitter(text, base, false).run()
}

fn splitter(text: &str, base: usize, folded: bool) -> Splitter<'_> {
    Splitter {
        text,
        base,
        folded,
        at: 0,
        out: Vec::new(),
        current: Command::default(),
        dir: None,
        after_or: false,
        heredoc: None,
        before: Vec::new(),
        dirs: Vec::new(),
    }
}

struct Splitter<'a> {
    text: &'a str,
    base: usize,
    folded: bool,
    at: usize,
    out: Vec<Command<'a>>,
    current: Command<'a>,
    dir: Option<String>,
    /// The command at hand stands right of `||`.
    after_or: bool,
    /// Delimiter of a here-document whose text begins on the next line.
    heredoc: Option<String>,
    /// Operators since the last command.
    before: Vec<Operator>,
    /// Where the shells around the one in parentheses are.
    dirs: Vec<Option<String>>,
}

impl<'a> Splitter<'a> {
    fn run(mut self) -> Vec<Command<'a>> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' if self.folded => self.at += 1,
                b'\\' if self.line_continues() => self.skip_line_end(),
                b'#' => self.skip_comment(),
                b';' if self.at > 0 && bytes[self.at - 1] == b';' => {
                    self.end(false);
                    self.before.push(Operator::ArmEnd);
                }
                b'\n' | b';' => self.end(false),
                b'&' if bytes.get(self.at + 1) == Some(&b'&') => {
                    self.at += 1;
                    self.end(false);
                    self.before.push(Operator::And);
                }
                b'&' if bytes.get(self.at + 1) == Some(&b'>') => self.at += 1,
                b'&' => {
                    if self.current.words.is_empty() {
                        self.before.push(Operator::Background);
                    }
                    self.current.background = true;
                    self.end(false);
                }
                b'|' if bytes.get(self.at + 1) == Some(&b'|') => {
                    self.at += 1;
                    self.end(true);
                    self.before.push(Operator::Or);
                }
                b'|' => {
                    self.end(false);
                    self.before.push(Operator::Pipe);
                }
                b'(' => {
                    self.end(false);
                    self.before.push(Operator::Open);
                    self.dirs.push(self.dir.clone());
                }
                b')' => {
                    self.end(false);
                    self.before.push(Operator::Close);
                    if let Some(dir) = self.dirs.pop() {
                        self.dir = dir;
                    }
                }
                b'`' => self.end(false),
                _ => self.word(),
            }
        }
        self.end(false);
        if let Some(last) = self.out.last_mut() {
            last.after = self.before;
        }
        self.out
    }

    fn line_continues(&self) -> bool {
        let rest = &self.text[self.at + 1..];
        rest.starts_with('\n') || rest.starts_with("\r\n")
    }

    fn skip_line_end(&mut self) {
        self.at += 1;
        while self.text.as_bytes().get(self.at).is_some_and(|byte| matches!(byte, b'\r')) {
            self.at += 1;
        }
        self.at += 1;
    }

    /// Moves behind the line that holds only the delimiter; stays where it is when there is none.
    fn skip_heredoc(&mut self, delimiter: &str) {
        let mut at = self.at;
        for line in self.text[self.at..].split_inclusive('\n') {
            at += line.len();
            if line.trim() == delimiter {
                self.at = at;
                return;
            }
        }
    }

    fn skip_comment(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    /// Ends the command at hand; the operator's last byte stands at `self.at`.
    fn end(&mut self, is_or: bool) {
        let at_line_end = self.text.as_bytes().get(self.at) == Some(&b'\n');
        self.at += 1;
        if at_line_end && let Some(delimiter) = self.heredoc.take() {
            self.skip_heredoc(&delimiter);
        }
        let command = std::mem::take(&mut self.current);
        if command.words.is_empty() {
            // A line may break right after the operator.
            self.after_or |= is_or;
            return;
        }
        let program = command.program().to_string();
        let exit_zero = program == "exit" && command.args().first().is_some_and(|word| word.text == "0");
        if self.after_or
            && (matches!(program.as_str(), "true" | ":") || exit_zero)
            && let Some(last) = self.out.last_mut()
        {
            last.failure_ignored = true;
        }
        if program == "cd" || program == "pushd" {
            self.dir = command.args().iter().map(|word| word.text.to_string()).find(|text| !text.starts_with('-'));
        }
        let after_or = std::mem::replace(&mut self.after_or, is_or);
        let before = std::mem::take(&mut self.before);
        self.out.push(Command { dir: self.dir.clone(), after_or, before, ..command });
    }

    fn word(&mut self) {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut piece = start;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b')' | b'`' | b'(' => break,
                b'$' if bytes.get(self.at + 1) == Some(&b'{') => self.at = self.closing_brace(self.at + 1),
                b'$' if bytes.get(self.at + 1) == Some(&b'(') => {
                    let close = self.closing_paren(self.at + 1);
                    self.nested(self.at + 2, close.saturating_sub(1));
                    self.at = close;
                }
                b'\'' | b'"' => {
                    let text = owned.get_or_insert_with(String::new);
                    text.push_str(&self.text[piece..self.at]);
                    let close = self.closing_quote(self.at, byte);
                    if byte == b'"' {
                        self.substitutions(self.at + 1, close);
                    }
                    text.push_str(&self.text[self.at + 1..close]);
                    self.at = (close + 1).min(bytes.len());
                    piece = self.at;
                }
                b'\\' if self.line_continues() => break,
                b'\\' => self.at = (self.at + 2).min(bytes.len()),
                _ => self.at += 1,
            }
        }
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        let text = match owned {
            Some(mut text) => {
                text.push_str(&self.text[piece..self.at]);
                Cow::Owned(text)
            }
            None => Cow::Borrowed(&self.text[start..self.at]),
        };
        if let Some(delimiter) = text.strip_prefix("<<") {
            let delimiter = delimiter.trim_start_matches('-');
            if !delimiter.is_empty() && !delimiter.starts_with('<') {
                self.heredoc = Some(delimiter.to_string());
            }
        }
        self.current.words.push(Word { text, start: self.base + start, end: self.base + self.at });
    }

    /// The commands of `$(…)` run before the one that they stand in.
    fn nested(&mut self, start: usize, end: usize) {
        if let Some(inner) = self.text.get(start..end) {
            for command in split(inner, self.base + start) {
                self.out.push(Command { dir: command.dir.or_else(|| self.dir.clone()), nested: true, ..command });
            }
        }
    }

    /// Every `$(…)` inside double quotes.
    fn substitutions(&mut self, start: usize, end: usize) {
        let mut at = start;
        while let Some(found) = self.text.get(at..end).and_then(|rest| rest.find("$(")) {
            let open = at + found + 1;
            let close = self.closing_paren(open).min(end);
            self.nested(open + 1, close.saturating_sub(1));
            at = close.max(open + 1);
        }
    }

    /// Just after the brace that closes the one at `open`, so that `${{ a || b }}` stays one piece.
    fn closing_brace(&self, open: usize) -> usize {
        self.closing(open, b'{', b'}')
    }

    fn closing_paren(&self, open: usize) -> usize {
        self.closing(open, b'(', b')')
    }

    /// One that is never closed is taken for a plain character.
    fn closing(&self, open: usize, opener: u8, closer: u8) -> usize {
        let mut depth = 0usize;
        for (index, byte) in self.text.as_bytes().iter().enumerate().skip(open) {
            if *byte == opener {
                depth += 1;
            } else if *byte == closer {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index + 1;
                }
            }
        }
        open + 1
    }

    /// Where the quote that opens at `open` closes; the end of the text where it never does.
    fn closing_quote(&self, open: usize, quote: u8) -> usize {
        let bytes = self.text.as_bytes();
        let mut index = open + 1;
        while let Some(&byte) = bytes.get(index) {
            if byte == b'\\' && quote == b'"' {
                index += 2;
            } else if byte == quote {
                return index;
            } else {
                index += 1;
            }
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    fn check(text: &str, expected: &[&[&str]]) {
        let commands = split(text, 0);
        let words: Vec<Vec<&str>> =
            commands.iter().map(|command| command.words.iter().map(|word| word.text.as_ref()).collect()).collect();
        assert_eq!(words, expected, "{text}");
    }

    #[test]
    fn commands_are_split_at_operators_and_not_inside_quotes() {
        check("a b && c 'd && e' | f \"g;h\" # i", &[&["a", "b"], &["c", "d && e"], &["f", "g;h"]]);
        check(
            "terraform init \\\n  -backend-config=x.hcl\nls",
            &[&["terraform", "init", "-backend-config=x.hcl"], &["ls"]],
        );
        check("echo ${{ a || b }} -x=${Y}", &[&["echo", "${{ a || b }}", "-x=${Y}"]]);
    }

    #[test]
    fn the_program_stands_after_wrappers_and_assignments() {
        let commands = split("AWS_PROFILE=x doppler run --project p -- terraform apply", 0);
        assert_eq!(commands[0].program(), "terraform");
        assert_eq!(commands[0].args()[0].text, "apply");
    }

    #[test]
    fn a_failure_that_is_thrown_away_is_seen() {
        let commands = split("pytest || true\nls", 0);
        assert!(commands[0].failure_ignored);
        assert!(!commands[2].failure_ignored);
    }

    #[test]
    fn a_flag_before_the_subcommand_takes_its_value_with_it() {
        let first = |text: &str| split(text, 0)[0].subcommands().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(first("kubectl --context \"$1\" set image deploy/y y=z"), ["set", "image", "deploy/y", "y=z"]);
        assert_eq!(first("aws --profile=x --region eu-west-1 lambda update-alias"), ["lambda", "update-alias"]);
    }

    #[test]
    fn commands_inside_substitutions_are_seen_and_here_documents_are_not() {
        check("X=\"$(aws ecr list)\" y", &[&["aws", "ecr", "list"], &["X=$(aws ecr list)", "y"]]);
        check("cat <<EOF > f\nterraform apply\nEOF\nls", &[&["cat", "<<EOF", ">", "f"], &["ls"]]);
    }

    #[test]
    fn unbalanced_quotes_and_multibyte_text_end_at_the_text() {
        check("echo \"äöü", &[&["echo", "äöü"]]);
        check("echo \\", &[&["echo", "\\"]]);
        check("echo 'ä\\", &[&["echo", "ä\\"]]);
    }
}
