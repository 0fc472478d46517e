//! Expressions, as hcl-edit's parser/expr.rs has them.
//!
//! There, whether an expression may go on in the next line is a state of the parser: lists, calls and `for` switch it on for what
//! stands behind them as well. `newlines` is that state, handed by reference where they change it and by value where they copy it.

use std::borrow::Cow;

use foldhash::{HashSet, HashSetExt as _};

use super::reader::{Reader, continues_name, starts_name};
use super::{DEPTH_MAX, NAMES_MAX, OPERATORS_MAX};
use crate::hcl::expr::{BinaryOp, Call, Expr, For, Node, Span, Step, UnaryOp};

/// Digits of which every number is exact.
const DIGITS_MAX: usize = 15;

impl<'a> Reader<'a> {
    /// `nested(expr_inner)`: `expr`, `multiline_expr` and `expr_with_state`, by what `newlines` is.
    pub(super) fn nested(&mut self, newlines: bool) -> Option<Node<'a>> {
        if self.depth >= DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let node = self.expression(newlines)?;
        self.depth -= 1;
        Some(node)
    }

    /// `expr_inner`.
    pub(super) fn expression(&mut self, mut newlines: bool) -> Option<Node<'a>> {
        let start = self.at;
        let mut node = self.term(&mut newlines)?;
        loop {
            let end = self.at;
            self.between(newlines)?;
            if self.peek() == Some(b'?') {
                self.at += 1;
                self.between(newlines)?;
                let yes = self.nested(newlines)?;
                self.between(newlines)?;
                self.take(b':')?;
                self.between(newlines)?;
                let no = self.nested(newlines)?;
                return Some(Node { span: self.span_from(start), expr: Expr::Cond(Box::new([node, yes, no])) });
            }
            if !self.at_operator() {
                self.at = end;
                return Some(node);
            }
            node = self.operations(node, newlines)?;
        }
    }

    fn at_operator(&self) -> bool {
        match (self.peek(), self.peek_second()) {
            (Some(b'/'), Some(b'/' | b'*')) => false,
            (Some(b'='), Some(b'=')) => true,
            (Some(b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|'), Some(_)) => true,
            _ => false,
        }
    }

    /// `binary_ops`, at the first operator: the operations in the order of their precedence, equal ones from the left.
    fn operations(&mut self, first: Node<'a>, newlines: bool) -> Option<Node<'a>> {
        let base = self.nodes.len();
        self.nodes.push(first);
        let mut waiting: Vec<BinaryOp> = Vec::new();
        loop {
            let operator = self.operator()?;
            self.operators += 1;
            if self.operators > OPERATORS_MAX {
                return None;
            }
            self.between(newlines)?;
            let mut inner = newlines;
            let operand = self.term(&mut inner)?;
            while waiting.last().is_some_and(|before| precedence(*before) >= precedence(operator)) {
                self.combine(waiting.pop()?)?;
            }
            waiting.push(operator);
            self.nodes.push(operand);
            let end = self.at;
            self.between(newlines)?;
            if !self.at_operator() {
                self.at = end;
                break;
            }
        }
        while let Some(operator) = waiting.pop() {
            self.combine(operator)?;
        }
        debug_assert_eq!(self.nodes.len(), base + 1);
        self.nodes.pop()
    }

    /// Makes one operation of the last two operands.
    fn combine(&mut self, operator: BinaryOp) -> Option<()> {
        let (right, left) = (self.nodes.pop()?, self.nodes.pop()?);
        let span = Span { start: left.span.start, end: right.span.end };
        self.nodes.push(Node { span, expr: Expr::Binary(operator, Box::new([left, right])) });
        Some(())
    }

    fn operator(&mut self) -> Option<BinaryOp> {
        let (operator, length) = match (self.peek()?, self.peek_second()?) {
            (b'=', b'=') => (BinaryOp::Eq, 2),
            (b'!', b'=') => (BinaryOp::NotEq, 2),
            (b'<', b'=') => (BinaryOp::LessEq, 2),
            (b'<', _) => (BinaryOp::Less, 1),
            (b'>', b'=') => (BinaryOp::GreaterEq, 2),
            (b'>', _) => (BinaryOp::Greater, 1),
            (b'+', _) => (BinaryOp::Add, 1),
            (b'-', _) => (BinaryOp::Sub, 1),
            (b'*', _) => (BinaryOp::Mul, 1),
            (b'/', _) => (BinaryOp::Div, 1),
            (b'%', _) => (BinaryOp::Rem, 1),
            (b'&', b'&') => (BinaryOp::And, 2),
            (b'|', b'|') => (BinaryOp::Or, 2),
            _ => return None,
        };
        self.at += length;
        Some(operator)
    }

    /// `expr_term_inner`, with what is reached from it.
    fn term(&mut self, newlines: &mut bool) -> Option<Node<'a>> {
        let start = self.at;
        let expr = match self.peek()? {
            b'"' => self.quoted()?,
            b'[' => {
                *newlines = true;
                self.list()?
            }
            b'{' => self.object(newlines)?,
            b'0'..=b'9' => Expr::Number(self.number()?),
            b'-' => self.negative()?,
            b'!' => {
                self.at += 1;
                self.blanks()?;
                if self.depth >= DEPTH_MAX {
                    return None;
                }
                self.depth += 1;
                let mut inner = *newlines;
                let node = self.term(&mut inner)?;
                self.depth -= 1;
                Expr::Unary(UnaryOp::Not, Box::new(node))
            }
            b'(' => {
                self.at += 1;
                self.space()?;
                let inner = self.nested(true)?;
                self.space()?;
                self.take(b')')?;
                inner.expr
            }
            byte if starts_name(byte) => self.named(newlines)?,
            _ => return None,
        };
        let node = Node { span: self.span_from(start), expr };
        let end = self.at;
        self.between(*newlines)?;
        if self.at_step() {
            return self.traversal(node, *newlines);
        }
        self.at = end;
        Some(node)
    }

    /// `..` is the beginning of `...`, not a step.
    fn at_step(&self) -> bool {
        match self.peek() {
            Some(b'[') => true,
            Some(b'.') => self.peek_second() != Some(b'.'),
            _ => false,
        }
    }

    /// `traversal`, at its first step.
    fn traversal(&mut self, from: Node<'a>, newlines: bool) -> Option<Node<'a>> {
        let start = from.span.start as usize;
        let base = self.steps.len();
        loop {
            let step = self.step()?;
            self.steps.push(step);
            let end = self.at;
            self.between(newlines)?;
            if !self.at_step() {
                self.at = end;
                break;
            }
        }
        let steps = self.steps.drain(base..).collect();
        let expr = match from.expr {
            // A name in parentheses is not the same to hcl-edit.
            Expr::Path(name, before) if before.is_empty() && self.bytes[start] != b'(' => Expr::Path(name, steps),
            expr => Expr::Access(Box::new(Node { span: from.span, expr }), steps),
        };
        Some(Node { span: self.span_from(start), expr })
    }

    fn step(&mut self) -> Option<Step<'a>> {
        let dot = self.peek()? == b'.';
        self.at += 1;
        self.space()?;
        if self.peek()? == b'*' {
            self.at += 1;
            if !dot {
                self.space()?;
                self.take(b']')?;
            }
            return Some(Step::Splat);
        }
        if dot {
            return Some(Step::Attr(self.name()?.0));
        }
        let index = self.nested(true)?;
        self.space()?;
        self.take(b']')?;
        Some(Step::Index(index))
    }

    /// `identlike`: a keyword, a variable or a call.
    fn named(&mut self, newlines: &mut bool) -> Option<Expr<'a>> {
        let (name, _) = self.name()?;
        let end = self.at;
        self.between(*newlines)?;
        if self.peek() == Some(b'(') {
            *newlines = true;
            return Some(Expr::Call(name, Box::new(self.arguments()?)));
        }
        // A provider's own function.
        if self.begins(b"::") {
            return None;
        }
        self.at = end;
        Some(match name {
            "null" => Expr::Null,
            "true" => Expr::Bool(true),
            "false" => Expr::Bool(false),
            name => Expr::Path(name, Box::default()),
        })
    }

    /// `func_args`.
    fn arguments(&mut self) -> Option<Call<'a>> {
        self.take(b'(')?;
        let base = self.nodes.len();
        let mut expand = false;
        self.space()?;
        while self.peek()? != b')' {
            let argument = self.nested(true)?;
            self.nodes.push(argument);
            self.space()?;
            if self.begins(b"...") {
                self.at += 3;
                expand = true;
                self.space()?;
                break;
            }
            if self.peek()? == b',' {
                self.at += 1;
                self.space()?;
            } else {
                break;
            }
        }
        self.take(b')')?;
        Some(Call { args: self.nodes.drain(base..).collect(), expand })
    }

    /// `number`: digits, with a fraction or without.
    fn number(&mut self) -> Option<f64> {
        let start = self.at;
        self.digits();
        if self.at - start > DIGITS_MAX {
            return None;
        }
        if self.peek() == Some(b'.') {
            if !self.peek_second()?.is_ascii_digit() {
                return None;
            }
            self.at += 1;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            return None;
        }
        self.text[start..self.at].parse().ok()
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// `neg_number`, as far as it is a whole number and not zero, of which hcl-edit knows no negative.
    fn negative(&mut self) -> Option<Expr<'a>> {
        self.take(b'-')?;
        if !self.peek()?.is_ascii_digit() {
            return None;
        }
        let number = self.number()?;
        (number != 0.0 && number.fract() == 0.0).then_some(Expr::Number(-number))
    }

    /// Whether a `for` begins here, as `for_expr_or_items` looks for it.
    fn at_for(&mut self) -> Option<bool> {
        let inside = self.at;
        self.space()?;
        let is = self.begins(b"for") && matches!(self.bytes.get(self.at + 3), Some(b' ' | b'\t' | b'#' | b'/' | b'\n'));
        if !is {
            self.at = inside;
        }
        Some(is)
    }

    fn list(&mut self) -> Option<Expr<'a>> {
        self.take(b'[')?;
        if self.at_for()? {
            return self.for_list();
        }
        let base = self.nodes.len();
        self.space()?;
        while self.peek()? != b']' {
            let item = self.nested(true)?;
            self.nodes.push(item);
            self.space()?;
            if self.peek()? != b',' {
                break;
            }
            self.at += 1;
            self.space()?;
        }
        self.take(b']')?;
        Some(Expr::Tuple(self.nodes.drain(base..).collect()))
    }

    fn object(&mut self, newlines: &mut bool) -> Option<Expr<'a>> {
        self.take(b'{')?;
        if self.at_for()? {
            *newlines = true;
            return self.for_object();
        }
        let base = self.entries.len();
        let mut computed = 0;
        let mut names = HashSet::new();
        loop {
            self.space()?;
            if self.peek()? == b'}' {
                break;
            }
            let key = self.key(base, &mut computed, &mut names)?;
            self.blanks()?;
            if !matches!(self.peek()?, b'=' | b':') {
                return None;
            }
            self.at += 1;
            self.blanks()?;
            let value = self.nested(false)?;
            self.entries.push((key, value));
            self.blanks()?;
            match self.peek()? {
                b'}' => break,
                b',' => self.at += 1,
                _ => {
                    self.line_comment();
                    self.take(b'\n')?;
                }
            }
        }
        self.take(b'}')?;
        Some(Expr::Object(self.entries.drain(base..).collect()))
    }

    /// `object_key`: a bare name is that name. No two may be the same; of those that are computed one is let pass.
    /// `names` are those of a large object, from where it began to be one.
    fn key(&mut self, siblings: usize, computed: &mut u32, names: &mut HashSet<&'a str>) -> Option<Node<'a>> {
        let start = self.at;
        let mut key = self.nested(false)?;
        if let Expr::Path(name, steps) = &key.expr
            && steps.is_empty()
            && self.bytes[start] != b'('
        {
            key.expr = Expr::Str(Cow::Borrowed(name));
        }
        let before = &self.entries[siblings..];
        let refused = match key.as_str() {
            Some(_) if before.len() > NAMES_MAX => {
                if names.is_empty() {
                    for (other, _) in before.iter().filter(|(other, _)| other.as_str().is_some()) {
                        names.insert(plain(other)?);
                    }
                }
                !names.insert(plain(&key)?)
            }
            Some(name) => before.iter().any(|(other, _)| other.as_str().is_some_and(|it| it == name)),
            None => {
                *computed += 1;
                *computed > 1
            }
        };
        (!refused).then_some(key)
    }

    fn for_list(&mut self) -> Option<Expr<'a>> {
        let (key_name, value_name, collection) = self.for_intro()?;
        self.space()?;
        let value = self.nested(true)?;
        self.space()?;
        let condition = self.for_condition()?;
        self.take(b']')?;
        Some(Expr::For(Box::new(For {
            key_name,
            value_name,
            collection,
            key: None,
            value,
            condition,
            grouping: false,
        })))
    }

    fn for_object(&mut self) -> Option<Expr<'a>> {
        let (key_name, value_name, collection) = self.for_intro()?;
        self.space()?;
        let key = self.nested(false)?;
        self.space()?;
        self.take(b'=')?;
        self.take(b'>')?;
        self.space()?;
        let value = self.nested(false)?;
        self.space()?;
        let grouping = self.begins(b"...");
        if grouping {
            self.at += 3;
            self.space()?;
        }
        let condition = self.for_condition()?;
        self.take(b'}')?;
        Some(Expr::For(Box::new(For { key_name, value_name, collection, key: Some(key), value, condition, grouping })))
    }

    /// `for_intro`, at its `for`: the names and the collection, up to the colon.
    fn for_intro(&mut self) -> Option<(Option<&'a str>, &'a str, Node<'a>)> {
        self.at += "for".len();
        self.space()?;
        let (first, _) = self.name()?;
        self.space()?;
        let mut second = None;
        if self.peek()? == b',' {
            self.at += 1;
            self.space()?;
            second = Some(self.name()?.0);
            self.space()?;
        }
        self.word(b"in")?;
        self.space()?;
        let collection = self.nested(false)?;
        self.space()?;
        self.take(b':')?;
        Some(match second {
            Some(second) => (Some(first), second, collection),
            None => (None, first, collection),
        })
    }

    fn for_condition(&mut self) -> Option<Option<Node<'a>>> {
        if !self.begins(b"if") {
            return Some(None);
        }
        self.word(b"if")?;
        self.space()?;
        let condition = self.nested(true)?;
        self.space()?;
        Some(Some(condition))
    }

    /// A keyword that ends where it should; hcl-edit lets a name follow at once.
    fn word(&mut self, word: &[u8]) -> Option<()> {
        let ends = self.bytes.get(self.at + word.len()).is_none_or(|byte| byte.is_ascii() && !continues_name(*byte));
        (ends && self.begins(word)).then(|| self.at += word.len())
    }
}

/// A text that is a slice of the file.
fn plain<'a>(key: &Node<'a>) -> Option<&'a str> {
    match &key.expr {
        Expr::Str(Cow::Borrowed(text)) => Some(text),
        _ => None,
    }
}

fn precedence(operator: BinaryOp) -> u8 {
    match operator {
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 6,
        BinaryOp::Add | BinaryOp::Sub => 5,
        BinaryOp::Less | BinaryOp::LessEq | BinaryOp::Greater | BinaryOp::GreaterEq => 4,
        BinaryOp::Eq | BinaryOp::NotEq => 3,
        BinaryOp::And => 2,
        BinaryOp::Or => 1,
    }
}
