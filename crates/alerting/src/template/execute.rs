//! Walks the tree of a template.

use std::rc::Rc;

use super::functions::{self, Item};
use super::text::display;
use super::tree::{Branch, Command, Node, Operand, Pipeline, Tree};
use super::{Answers, Facts, Interrupt, OUTPUT_BYTES_MAX};

/// Nodes and calls of one execution: far beyond any template that is meant, and a few
/// milliseconds at most.
const STEPS_MAX: u32 = 200_000;
/// How deep templates may call each other.
const CALLS_MAX: usize = 50;

pub(super) fn execute(tree: &Tree, facts: Facts<'_>, answers: &Answers) -> Result<String, Interrupt> {
    let mut execution = Execution {
        tree,
        facts,
        answers,
        output: String::new(),
        variables: variables(facts),
        steps: 0,
        calls: 0,
    };
    execution.nodes(&tree.root, &Item::Data)?;
    Ok(execution.output)
}

/// What Prometheus declares before every template.
fn variables(facts: Facts<'_>) -> Vec<(String, Item)> {
    let surroundings = facts.surroundings;
    [
        ("$", Item::Data),
        ("$labels", Item::labels(facts.labels)),
        ("$externalLabels", Item::labels(&surroundings.external_labels)),
        ("$externalURL", Item::Text(surroundings.external_url.clone())),
        ("$value", Item::Float(facts.value)),
    ]
    .map(|(name, item)| (name.to_owned(), item))
    .into()
}

pub(super) struct Execution<'a> {
    tree: &'a Tree,
    pub(super) facts: Facts<'a>,
    pub(super) answers: &'a Answers,
    output: String,
    /// The innermost last.
    variables: Vec<(String, Item)>,
    steps: u32,
    calls: usize,
}

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl Execution<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Item) -> Result<Flow, Interrupt> {
        for node in nodes {
            self.step()?;
            let flow = match node {
                Node::Text(text) => self.write(text)?,
                Node::Action(pipeline) => self.action(pipeline, dot)?,
                Node::If(branch) => self.branch(branch, dot, false)?,
                Node::With(branch) => self.branch(branch, dot, true)?,
                Node::Range(branch) => self.range(branch, dot)?,
                Node::Call(name, argument) => {
                    let argument =
                        argument.as_ref().map(|argument| self.pipeline(argument, dot)).transpose()?;
                    self.call(name, &argument.unwrap_or(Item::Nil))?
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn write(&mut self, text: &str) -> Result<Flow, Interrupt> {
        if self.output.len() + text.len() > OUTPUT_BYTES_MAX {
            return failed(format!("it yields more than {OUTPUT_BYTES_MAX} bytes"));
        }
        self.output.push_str(text);
        Ok(Flow::On)
    }

    fn action(&mut self, pipeline: &Pipeline, dot: &Item) -> Result<Flow, Interrupt> {
        let yielded = self.pipeline(pipeline, dot)?;
        if pipeline.variables.is_empty() {
            self.write(&display(&yielded))?;
        } else {
            self.set(pipeline, &[yielded]);
        }
        Ok(Flow::On)
    }

    fn branch(&mut self, branch: &Branch, dot: &Item, is_with: bool) -> Result<Flow, Interrupt> {
        let scope = self.variables.len();
        let yielded = self.pipeline(&branch.pipeline, dot)?;
        self.set(&branch.pipeline, std::slice::from_ref(&yielded));
        let flow = match (yielded.is_true(), is_with) {
            (true, true) => self.nodes(&branch.body, &yielded),
            (true, false) => self.nodes(&branch.body, dot),
            (false, _) => self.nodes(&branch.otherwise, dot),
        };
        self.variables.truncate(scope);
        flow
    }

    fn range(&mut self, branch: &Branch, dot: &Item) -> Result<Flow, Interrupt> {
        let over = self.pipeline(&branch.pipeline, dot)?;
        let scope = self.variables.len();
        let elements = over.elements().map_err(Interrupt::Failed)?;
        let mut flow = Flow::On;
        if elements.is_empty() {
            flow = self.nodes(&branch.otherwise, dot)?;
        }
        for (key, element) in elements {
            self.step()?;
            // One variable is the element, two are the key and the element.
            let values = [key, element.clone()];
            let wanted = branch.pipeline.variables.len();
            self.set(&branch.pipeline, if wanted == 1 { &values[1..] } else { &values });
            let ended = self.nodes(&branch.body, &element)?;
            self.variables.truncate(scope);
            if ended == Flow::Break {
                break;
            }
        }
        Ok(flow)
    }

    /// `tmpl` and `{{template}}`.
    fn call(&mut self, name: &str, dot: &Item) -> Result<Flow, Interrupt> {
        let tree = self.tree;
        let Some(body) = tree.defined.get(name) else {
            return failed(format!("template {name:?} not defined"));
        };
        self.calls += 1;
        if self.calls > CALLS_MAX {
            return failed(format!("templates call each other more than {CALLS_MAX} times deep"));
        }
        let outer = std::mem::replace(&mut self.variables, vec![("$".to_owned(), dot.clone())]);
        let ended = self.nodes(body, dot);
        self.variables = outer;
        self.calls -= 1;
        ended.map(|_| Flow::On)
    }

    /// What `tmpl` yields: the text of a template that is defined by name.
    pub(super) fn rendered(&mut self, name: &str, dot: &Item) -> Result<String, Interrupt> {
        let outer = std::mem::take(&mut self.output);
        let ended = self.call(name, dot);
        let text = std::mem::replace(&mut self.output, outer);
        ended.map(|_| text)
    }

    fn set(&mut self, pipeline: &Pipeline, values: &[Item]) {
        for (name, value) in pipeline.variables.iter().zip(values) {
            let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
            match known {
                Some((_, place)) if pipeline.assigns => place.clone_from(value),
                _ => self.variables.push((name.clone(), value.clone())),
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Item) -> Result<Item, Interrupt> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, dot, last)?);
        }
        Ok(last.unwrap_or(Item::Nil))
    }

    fn command(&mut self, command: &Command, dot: &Item, last: Option<Item>) -> Result<Item, Interrupt> {
        self.step()?;
        let Operand::Function(function) = &command.first else {
            if last.is_some() || !command.arguments.is_empty() {
                return failed("a field has arguments but is no function");
            }
            return self.operand(&command.first, dot);
        };
        if let Some(decides) = function.decides_early() {
            return self.decided(decides, command, dot, last);
        }
        let mut arguments = Vec::with_capacity(command.arguments.len() + 1);
        for argument in &command.arguments {
            arguments.push(self.operand(argument, dot)?);
        }
        arguments.extend(last);
        functions::call(self, function, &arguments)
    }

    /// `and` and `or` look at their arguments only until one decides, which they yield.
    fn decided(
        &mut self,
        decides: bool,
        command: &Command,
        dot: &Item,
        last: Option<Item>,
    ) -> Result<Item, Interrupt> {
        let mut yielded = None;
        for argument in &command.arguments {
            let item = self.operand(argument, dot)?;
            if item.is_true() == decides {
                return Ok(item);
            }
            yielded = Some(item);
        }
        last.or(yielded)
            .ok_or_else(|| Interrupt::Failed("wrong number of args: want at least 1 got 0".to_owned()))
    }

    fn operand(&mut self, operand: &Operand, dot: &Item) -> Result<Item, Interrupt> {
        Ok(match operand {
            Operand::Dot => dot.clone(),
            Operand::Nil => Item::Nil,
            Operand::Bool(truth) => Item::Bool(*truth),
            Operand::Int(number) => Item::Int(*number),
            Operand::Float(number) => Item::Float(*number),
            Operand::Text(text) => Item::Text(text.clone()),
            Operand::Variable(name) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                known.map_or(Item::Nil, |(_, item)| item.clone())
            }
            Operand::Function(function) => functions::call(self, function, &[])?,
            Operand::Pipeline(pipeline) => self.pipeline(pipeline, dot)?,
            Operand::Fields(of, names) => {
                let mut item = self.operand(of, dot)?;
                for name in names {
                    item = self.field(&item, name)?;
                }
                item
            }
        })
    }

    fn field(&self, of: &Item, name: &str) -> Result<Item, Interrupt> {
        let surroundings = self.facts.surroundings;
        let found = match of {
            Item::Data => match name {
                "Labels" => Some(Item::labels(self.facts.labels)),
                "ExternalLabels" => Some(Item::labels(&surroundings.external_labels)),
                "ExternalURL" => Some(Item::Text(surroundings.external_url.clone())),
                "Value" => Some(Item::Float(self.facts.value)),
                _ => None,
            },
            Item::Sample(sample) => match name {
                "Labels" => Some(Item::Map(Rc::clone(&sample.0))),
                "Value" => Some(Item::Float(sample.1)),
                _ => None,
            },
            Item::Map(map) => Some(map.get(name)),
            _ => None,
        };
        found.ok_or_else(|| Interrupt::Failed(format!("can't evaluate field {name} in type {}", of.kind())))
    }

    fn step(&mut self) -> Result<(), Interrupt> {
        self.steps += 1;
        if self.steps > STEPS_MAX { failed("it does not come to an end") } else { Ok(()) }
    }
}

pub(super) fn failed<T>(reason: impl Into<String>) -> Result<T, Interrupt> {
    Err(Interrupt::Failed(reason.into()))
}
