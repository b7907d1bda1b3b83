//! What a template is after it was parsed.

use std::collections::BTreeMap;

use super::functions::Entry;

/// The template itself, and those it defines by name.
#[derive(Debug)]
pub(super) struct Tree {
    pub root: Vec<Node>,
    pub defined: BTreeMap<String, Vec<Node>>,
}

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// `{{template "name" pipeline}}`
    Call(String, Option<Pipeline>),
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub pipeline: Pipeline,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// Commands, each given what the one before it yields as its last argument.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    /// The variables that it sets: up to two in a `range`, else at most one.
    pub variables: Vec<String>,
    /// `=` instead of `:=`.
    pub assigns: bool,
    pub commands: Vec<Command>,
}

/// A function or value with its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub first: Operand,
    pub arguments: Vec<Operand>,
}

#[derive(Debug)]
pub(super) enum Operand {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Variable(String),
    Function(&'static Entry),
    Pipeline(Box<Pipeline>),
    /// `.Labels.job` of what stands before it.
    Fields(Box<Operand>, Vec<String>),
}
