//! The lowered trees. Everything borrows from the text of its file where it can.

use std::borrow::Cow;

/// Byte offsets into a file's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// What stands between braces, or in a whole file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body<'a> {
    pub(crate) attrs: Vec<Attr<'a>>,
    pub(crate) blocks: Vec<Block<'a>>,
}

impl<'a> Body<'a> {
    pub(crate) fn attr(&self, name: &str) -> Option<&Attr<'a>> {
        self.attrs.iter().find(|attr| attr.name == name)
    }

    pub(crate) fn block(&self, kind: &str) -> Option<&Block<'a>> {
        self.blocks.iter().find(|block| block.kind == kind)
    }

    pub(crate) fn blocks_of<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Block<'a>> {
        self.blocks.iter().filter(move |block| block.kind == kind)
    }

    /// Calls `visit` for every expression in the body and in the blocks below it.
    pub(crate) fn each_node<'b>(&'b self, visit: &mut impl FnMut(&'b Node<'a>)) {
        for attr in &self.attrs {
            attr.value.each(visit);
        }
        for block in &self.blocks {
            block.body.each_node(visit);
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Attr<'a> {
    pub(crate) name: &'a str,
    pub(crate) name_span: Span,
    pub(crate) value: Node<'a>,
}

impl Attr<'_> {
    /// From the name to the end of the value.
    pub(crate) fn span(&self) -> Span {
        Span { start: self.name_span.start, end: self.value.span.end }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Block<'a> {
    pub(crate) kind: &'a str,
    pub(crate) labels: Vec<&'a str>,
    /// From the kind to the last label.
    pub(crate) header: Span,
    pub(crate) body: Body<'a>,
}

impl<'a> Block<'a> {
    pub(crate) fn label(&self, index: usize) -> Option<&'a str> {
        self.labels.get(index).copied()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Span,
    pub(crate) expr: Expr<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum Expr<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Str(Cow<'a, str>),
    Template(Box<[Part<'a>]>),
    Tuple(Box<[Node<'a>]>),
    Object(Box<[(Node<'a>, Node<'a>)]>),
    /// A name and what is reached from it: `var.a.b`, `local.x["k"]`, `aws_s3_bucket.b[*].id`.
    Path(&'a str, Box<[Step<'a>]>),
    /// The same from any other expression: `merge(a, b).c`.
    Access(Box<Node<'a>>, Box<[Step<'a>]>),
    Call(&'a str, Box<Call<'a>>),
    /// Condition, then, else.
    Cond(Box<[Node<'a>; 3]>),
    Unary(UnaryOp, Box<Node<'a>>),
    Binary(BinaryOp, Box<[Node<'a>; 2]>),
    For(Box<For<'a>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) args: Vec<Node<'a>>,
    /// Whether the last argument is followed by `...`.
    pub(crate) expand: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct For<'a> {
    pub(crate) key_name: Option<&'a str>,
    pub(crate) value_name: &'a str,
    pub(crate) collection: Node<'a>,
    /// Present in a `for` that makes an object.
    pub(crate) key: Option<Node<'a>>,
    pub(crate) value: Node<'a>,
    pub(crate) condition: Option<Node<'a>>,
    pub(crate) grouping: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Step<'a> {
    Attr(&'a str),
    Index(Node<'a>),
    /// `[*]` or `.*`.
    Splat,
}

#[derive(Clone, Debug)]
pub(crate) enum Part<'a> {
    Text(Cow<'a, str>),
    Node(Node<'a>),
    /// A template directive (`%{ if }`, `%{ for }`) with the expressions in it; its text is not computed.
    Directive(Box<[Node<'a>]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Not,
    Neg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Eq,
    NotEq,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    And,
    Or,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

impl<'a> Node<'a> {
    /// The text of a string that holds no template.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.expr {
            Expr::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The bare word that a keyword-like expression consists of (`string`, `any`), or the text of a string as 0.11 wrote it.
    pub(crate) fn keyword(&self) -> Option<&str> {
        match &self.expr {
            Expr::Path(name, steps) if steps.is_empty() => Some(name),
            Expr::Str(text) => Some(text),
            _ => None,
        }
    }

    /// `name.attr` where that is how the expression begins: `("var", "memory")`.
    pub(crate) fn reference(&self) -> Option<(&'a str, &'a str)> {
        match &self.expr {
            Expr::Path(root, steps) => match steps.first() {
                Some(Step::Attr(name)) => Some((root, name)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Calls `visit` for this node and every node below it.
    pub(crate) fn each<'b>(&'b self, visit: &mut impl FnMut(&'b Node<'a>)) {
        visit(self);
        match &self.expr {
            Expr::Null | Expr::Bool(_) | Expr::Number(_) | Expr::Str(_) => {}
            Expr::Template(parts) => {
                for part in parts {
                    match part {
                        Part::Text(_) => {}
                        Part::Node(node) => node.each(visit),
                        Part::Directive(nodes) => nodes.iter().for_each(|node| node.each(visit)),
                    }
                }
            }
            Expr::Tuple(items) => items.iter().for_each(|item| item.each(visit)),
            Expr::Object(items) => {
                for (key, value) in items {
                    key.each(visit);
                    value.each(visit);
                }
            }
            Expr::Path(_, steps) => each_step(steps, visit),
            Expr::Access(node, steps) => {
                node.each(visit);
                each_step(steps, visit);
            }
            Expr::Call(_, call) => call.args.iter().for_each(|arg| arg.each(visit)),
            Expr::Cond(nodes) => nodes.iter().for_each(|node| node.each(visit)),
            Expr::Unary(_, node) => node.each(visit),
            Expr::Binary(_, nodes) => nodes.iter().for_each(|node| node.each(visit)),
            Expr::For(each) => {
                each.collection.each(visit);
                for node in [each.key.as_ref(), Some(&each.value), each.condition.as_ref()].into_iter().flatten() {
                    node.each(visit);
                }
            }
        }
    }
}

fn each_step<'a, 'b>(steps: &'b [Step<'a>], visit: &mut impl FnMut(&'b Node<'a>)) {
    for step in steps {
        if let Step::Index(node) = step {
            node.each(visit);
        }
    }
}
