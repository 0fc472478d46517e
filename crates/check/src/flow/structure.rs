//! The structure of a shell text: which of its commands are branches, loops and functions, read from the keywords in front of them.
//!
//! What is not balanced is read as if the keyword were not there: a text that is no shell gives its commands one after the other.

use std::rc::Rc;

use crate::command::{Command, Operator};

/// How something follows what stands before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Joint {
    #[default]
    Then,
    And,
    Or,
    Pipe,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) joint: Joint,
    pub(super) node: Node,
}

/// A part of a text; commands are places in its list of commands.
#[derive(Debug)]
pub(super) enum Node {
    Run(usize),
    /// Each arm with what it asks; the last may ask nothing.
    If(Vec<(Vec<Item>, Vec<Item>)>),
    For {
        head: usize,
        body: Vec<Item>,
    },
    /// `while` and `until`: what they ask, then the body.
    Loop(Vec<Item>, Vec<Item>),
    /// Each arm with its patterns.
    Case {
        head: usize,
        arms: Vec<(Vec<String>, Vec<Item>)>,
    },
    Function {
        name: String,
        body: Rc<Vec<Item>>,
    },
    /// `{ … }` and `( … )`
    Group {
        body: Vec<Item>,
        background: bool,
    },
    /// `name=(a b)`, with the commands that its elements look like.
    Array {
        name: String,
        elements: Vec<usize>,
    },
}

pub(super) fn read(commands: &[Command<'_>]) -> Vec<Item> {
    let mut reader = Reader { commands, tokens: tokens(commands), at: 0, depth: 0 };
    let mut out = Vec::new();
    while reader.at < reader.tokens.len() {
        out.extend(reader.list(&[]));
        // What closes nothing is passed over.
        reader.at += 1;
    }
    out
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Operator(Operator),
    Keyword(&'static str),
    /// `for` and `case`, with the command that begins so.
    Head(&'static str, usize),
    /// A pattern that stands on the line of its `case`.
    Pattern(String),
    Command(usize),
    /// A command that holds nothing but keywords.
    Bare(usize),
}

const KEYWORDS: &[&str] =
    &["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "{", "}", "function"];

/// More than this inside of each other is read as plain commands.
const MAX_DEPTH: usize = 64;

fn tokens(commands: &[Command<'_>]) -> Vec<Token> {
    let mut out = Vec::new();
    let mut nested: Vec<usize> = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        if command.nested {
            nested.push(index);
            continue;
        }
        out.extend(command.before.iter().map(|operator| Token::Operator(*operator)));
        let mut words = command.words.iter().map(|word| word.text.as_ref());
        let mut first = words.next();
        while let Some(keyword) = first.and_then(|word| KEYWORDS.iter().find(|known| **known == word)) {
            out.push(Token::Keyword(keyword));
            first = words.next();
        }
        out.extend(nested.drain(..).map(Token::Command));
        match first {
            Some("for" | "select") => out.push(Token::Head("for", index)),
            Some("case") => {
                out.push(Token::Head("case", index));
                out.extend(words.skip(2).map(|word| Token::Pattern(word.to_string())));
            }
            // `done < file` and `} > log`
            Some(word)
                if matches!(out.last(), Some(Token::Keyword("done" | "fi" | "esac" | "}"))) && is_redirection(word) =>
            {
                out.push(Token::Bare(index));
            }
            Some(_) => out.push(Token::Command(index)),
            None => out.push(Token::Bare(index)),
        }
        out.extend(command.after.iter().map(|operator| Token::Operator(*operator)));
    }
    out.extend(nested.drain(..).map(Token::Command));
    out
}

fn is_redirection(word: &str) -> bool {
    word.starts_with(['<', '>']) || word.starts_with("2>")
}

struct Reader<'c, 'a> {
    commands: &'c [Command<'a>],
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader<'_, '_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, keyword: &'static str) -> bool {
        let there = self.peek() == Some(&Token::Keyword(keyword));
        self.at += usize::from(there);
        there
    }

    fn take_operator(&mut self, operator: Operator) -> bool {
        let there = self.peek() == Some(&Token::Operator(operator));
        self.at += usize::from(there);
        there
    }

    /// Everything up to one of these tokens, which stays.
    fn list(&mut self, ends: &[Token]) -> Vec<Item> {
        let mut out = Vec::new();
        let mut joint = Joint::Then;
        self.depth += 1;
        while let Some(token) = self.peek().cloned() {
            if ends.contains(&token) {
                break;
            }
            self.at += 1;
            let node = match token {
                Token::Operator(Operator::And) => {
                    joint = Joint::And;
                    continue;
                }
                Token::Operator(Operator::Or) => {
                    joint = Joint::Or;
                    continue;
                }
                Token::Operator(Operator::Pipe) => {
                    joint = Joint::Pipe;
                    continue;
                }
                Token::Operator(Operator::Open) if self.depth < MAX_DEPTH => self.group(),
                Token::Keyword(keyword) if self.depth < MAX_DEPTH => match self.compound(keyword) {
                    Some(node) => node,
                    None => continue,
                },
                Token::Head(kind, head) if self.depth < MAX_DEPTH => match kind {
                    "for" => self.each(head),
                    _ => self.case(head),
                },
                Token::Command(index) | Token::Head(_, index) => self.command(index),
                Token::Bare(index) => Node::Run(index),
                Token::Operator(_) | Token::Keyword(_) | Token::Pattern(_) => continue,
            };
            out.push(Item { joint: std::mem::take(&mut joint), node });
        }
        self.depth -= 1;
        out
    }

    fn compound(&mut self, keyword: &'static str) -> Option<Node> {
        match keyword {
            "if" => Some(self.branches()),
            "while" | "until" => {
                let asks = self.list(&[Token::Keyword("do")]);
                Some(Node::Loop(asks, self.loop_body()))
            }
            "{" => {
                let body = self.list(&[Token::Keyword("}")]);
                self.take("}");
                Some(Node::Group { body, background: self.ends_in_background() })
            }
            "function" => match self.peek().cloned() {
                Some(Token::Command(index)) => {
                    self.at += 1;
                    let name = self.commands[index]
                        .words
                        .iter()
                        .map(|word| word.text.as_ref())
                        .find(|word| *word != "function");
                    let opened = self.commands[index].words.last().is_some_and(|word| word.text == "{");
                    Some(self.function(name.unwrap_or_default().to_string(), opened))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn group(&mut self) -> Node {
        let body = self.list(&[Token::Operator(Operator::Close)]);
        self.take_operator(Operator::Close);
        let background = self.take_operator(Operator::Background);
        Node::Group { body, background }
    }

    fn branches(&mut self) -> Node {
        const ENDS: &[Token] = &[Token::Keyword("elif"), Token::Keyword("else"), Token::Keyword("fi")];
        let mut arms = Vec::new();
        loop {
            let asks = self.list(&[Token::Keyword("then"), Token::Keyword("fi")]);
            self.take("then");
            arms.push((asks, self.list(ENDS)));
            if !self.take("elif") {
                break;
            }
        }
        if self.take("else") {
            let body = self.list(&[Token::Keyword("fi")]);
            arms.push((Vec::new(), body));
        }
        self.take("fi");
        Node::If(arms)
    }

    fn loop_body(&mut self) -> Vec<Item> {
        self.take("do");
        let body = self.list(&[Token::Keyword("done")]);
        self.take("done");
        body
    }

    fn each(&mut self, head: usize) -> Node {
        // A list that reaches over several lines reads as commands up to `do`.
        while self.peek().is_some_and(|token| *token != Token::Keyword("do")) {
            self.at += 1;
        }
        Node::For { head, body: self.loop_body() }
    }

    fn case(&mut self, head: usize) -> Node {
        let mut arms = Vec::new();
        let end = Token::Keyword("esac");
        while self.peek().is_some_and(|token| *token != end) {
            let mut patterns = Vec::new();
            while let Some(token) = self.peek().cloned().filter(|token| *token != end) {
                self.at += 1;
                match token {
                    Token::Pattern(text) => patterns.push(text),
                    Token::Command(index) => {
                        patterns.extend(self.commands[index].words.iter().map(|word| word.text.to_string()));
                    }
                    Token::Operator(Operator::Close) => break,
                    _ => {}
                }
            }
            let body = self.list(&[Token::Operator(Operator::ArmEnd), end.clone()]);
            while self.take_operator(Operator::ArmEnd) {}
            if !patterns.is_empty() {
                arms.push((patterns, body));
            }
        }
        self.take("esac");
        Node::Case { head, arms }
    }

    fn command(&mut self, index: usize) -> Node {
        let command = &self.commands[index];
        let opens = self.peek() == Some(&Token::Operator(Operator::Open));
        let Some(last) = command.words.last().filter(|_| opens && !command.nested) else { return Node::Run(index) };
        if let Some(name) = last.text.strip_suffix('=') {
            let Node::Group { body, .. } = self.in_parentheses() else { return Node::Run(index) };
            let elements = body.iter().filter_map(|item| match item.node {
                Node::Run(index) => Some(index),
                _ => None,
            });
            return Node::Array { name: name.to_string(), elements: elements.collect() };
        }
        let closes = self.tokens.get(self.at + 1) == Some(&Token::Operator(Operator::Close));
        if closes && command.words.len() == 1 {
            return self.function(last.text.to_string(), false);
        }
        Node::Run(index)
    }

    fn in_parentheses(&mut self) -> Node {
        self.at += 1;
        self.group()
    }

    /// What stands after the name of a function: parentheses, or none, and the body.
    fn function(&mut self, name: String, opened: bool) -> Node {
        if self.take_operator(Operator::Open) {
            self.take_operator(Operator::Close);
        }
        let body = if self.take("{") || opened {
            let body = self.list(&[Token::Keyword("}")]);
            self.take("}");
            body
        } else if self.take_operator(Operator::Open) {
            let body = self.list(&[Token::Operator(Operator::Close)]);
            self.take_operator(Operator::Close);
            body
        } else {
            Vec::new()
        };
        Node::Function { name, body: Rc::new(body) }
    }

    fn ends_in_background(&self) -> bool {
        matches!(self.peek(), Some(Token::Bare(index)) if self.commands[*index].background)
    }
}

#[cfg(test)]
mod tests {
    use super::{Item, Node, read};
    use crate::command::{Command, split};

    /// The structure as text: programs, with braces around what belongs together.
    fn told(commands: &[Command<'_>], items: &[Item]) -> String {
        let each = items.iter().map(|item| match &item.node {
            Node::Run(index) => {
                let command = &commands[*index];
                command.words.iter().map(|word| word.text.as_ref()).collect::<Vec<_>>().join(" ")
            }
            Node::If(arms) => {
                let arms =
                    arms.iter().map(|(asks, body)| format!("{}? {}", told(commands, asks), told(commands, body)));
                format!("if[{}]", arms.collect::<Vec<_>>().join(" | "))
            }
            Node::For { body, .. } => format!("for[{}]", told(commands, body)),
            Node::Loop(asks, body) => format!("loop[{}? {}]", told(commands, asks), told(commands, body)),
            Node::Case { arms, .. } => {
                let arms =
                    arms.iter().map(|(patterns, body)| format!("{}? {}", patterns.join("|"), told(commands, body)));
                format!("case[{}]", arms.collect::<Vec<_>>().join(" | "))
            }
            Node::Function { name, body } => format!("{name}()[{}]", told(commands, body)),
            Node::Group { body, background } => {
                format!("[{}]{}", told(commands, body), if *background { "&" } else { "" })
            }
            Node::Array { name, elements } => format!("{name}=({})", elements.len()),
        });
        each.collect::<Vec<_>>().join(", ")
    }

    fn check(text: &str, expected: &str) {
        let commands = split(text, 0);
        assert_eq!(told(&commands, &read(&commands)), expected, "{text}");
    }

    #[test]
    fn branches_loops_and_cases_hold_their_commands() {
        check("if a; then b; elif c; then d; else e; fi; f", "if[if a? then b | elif c? then d | ? else e], fi, f");
        check("for x in 1 2; do\n  a $x\ndone\nb", "for[do, a $x], done, b");
        check("while read l; do a; done < f", "loop[while read l? do a], done < f");
        check("case $1 in\n a|b) c ;;\n *) d; e;;\nesac\nf", "case[a|b? c | *? d, e], esac, f");
        check("case $1 in a) b;; c) ;; esac", "case[a? b | c? ], esac");
    }

    #[test]
    fn functions_groups_and_arrays_are_told_apart() {
        check("f() { a \"$@\"; }\nf x", "f()[{ a $@], }, f x");
        check("function g {\n a\n}\ng", "g()[a], }, g");
        check("(cd x && a) & { b; } &\nc", "[cd x, a]&, [{ b]&, }, c");
        check("x=(aws --profile p)\n\"${x[@]}\" y", "x=(1), ${x[@]} y");
        check("V=$(a; b) c", "a, b, V=$(a; b) c");
    }

    #[test]
    fn what_is_not_balanced_gives_its_commands_in_order() {
        check("fi; a; done; ) b; esac", "fi, a, done, b, esac");
        check("if a; then b", "if[if a? then b]");
        check("a ( b", "a, [b]");
    }
}
