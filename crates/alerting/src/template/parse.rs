//! Parts of a template to its tree. Functions and variables that are not known are refused.

use std::collections::BTreeMap;
use std::vec::IntoIter;

use super::operand::Line;
use super::scan::{Part, Token, parts};
use super::tree::{Branch, Node, Tree};

/// How deep blocks and parentheses may be nested.
pub(super) const DEPTH_MAX: usize = 50;

pub(super) fn tree(text: &str) -> Result<Tree, String> {
    let mut parser = Parser {
        parts: parts(text)?.into_iter(),
        // What Prometheus declares before every template.
        variables: ["$", "$labels", "$externalLabels", "$externalURL", "$value"].map(str::to_owned).into(),
        depth: 0,
        loops: 0,
        defined: BTreeMap::new(),
    };
    match parser.nodes()? {
        (root, Stop::TextEnds) => Ok(Tree { root, defined: parser.defined }),
        (_, Stop::End) => Err("unexpected {{end}}".to_owned()),
        (_, Stop::Else(_)) => Err("unexpected {{else}}".to_owned()),
    }
}

struct Parser {
    parts: IntoIter<Part>,
    /// Those that are declared here, the innermost last.
    variables: Vec<String>,
    depth: usize,
    /// `range` blocks around.
    loops: usize,
    defined: BTreeMap<String, Vec<Node>>,
}

/// What ended a list of nodes.
enum Stop {
    TextEnds,
    End,
    /// With what stands behind `else`.
    Else(Vec<Token>),
}

impl Parser {
    fn nodes(&mut self) -> Result<(Vec<Node>, Stop), String> {
        let mut nodes = Vec::new();
        while let Some(part) = self.parts.next() {
            match part {
                Part::Text(text) => nodes.push(Node::Text(text)),
                Part::Action(tokens) => match self.action(tokens)? {
                    Met::Node(node) => nodes.push(node),
                    Met::Nothing => {}
                    Met::Stop(stop) => return Ok((nodes, stop)),
                },
            }
        }
        Ok((nodes, Stop::TextEnds))
    }

    fn action(&mut self, mut tokens: Vec<Token>) -> Result<Met, String> {
        let keyword = match tokens.first() {
            Some(Token::Word(word)) => word.clone(),
            Some(_) => String::new(),
            None => return Err("missing value for command".to_owned()),
        };
        let mut rest = || tokens.split_off(1);
        let node = match keyword.as_str() {
            "end" => return Ok(Met::Stop(Stop::End)),
            "else" => return Ok(Met::Stop(Stop::Else(rest()))),
            "if" => Node::If(self.branch(rest(), 1)?),
            "with" => Node::With(self.branch(rest(), 1)?),
            "range" => {
                self.loops += 1;
                let branch = self.branch(rest(), 2);
                self.loops -= 1;
                Node::Range(branch?)
            }
            "break" | "continue" if self.loops == 0 => {
                return Err(format!("{{{{{keyword}}}}} outside {{{{range}}}}"));
            }
            "break" => Node::Break,
            "continue" => Node::Continue,
            "define" => {
                self.definition(&rest())?;
                return Ok(Met::Nothing);
            }
            "template" => self.call(rest())?,
            "block" => {
                let call = self.call(rest())?;
                if let Node::Call(name, _) = &call {
                    self.body_of(name.clone())?;
                }
                call
            }
            _ => Node::Action(Line::new(&tokens, &mut self.variables).pipeline(1)?),
        };
        Ok(Met::Node(node))
    }

    fn branch(&mut self, tokens: Vec<Token>, variables_max: usize) -> Result<Branch, String> {
        self.deeper()?;
        let scope = self.variables.len();
        let pipeline = Line::new(&tokens, &mut self.variables).pipeline(variables_max)?;
        let (body, stop) = self.nodes()?;
        let otherwise = match stop {
            Stop::End => Vec::new(),
            Stop::TextEnds => return Err("a block has no {{end}}".to_owned()),
            Stop::Else(tokens) => self.otherwise(tokens)?,
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(Branch { pipeline, body, otherwise })
    }

    fn otherwise(&mut self, mut tokens: Vec<Token>) -> Result<Vec<Node>, String> {
        let chained = match tokens.first() {
            None => None,
            Some(Token::Word(word)) if word == "if" || word == "with" => Some(word == "if"),
            Some(_) => return Err("unexpected text behind {{else}}".to_owned()),
        };
        if let Some(is_if) = chained {
            // It shares the {{end}} of the block that it continues.
            let branch = self.branch(tokens.split_off(1), 1)?;
            return Ok(vec![if is_if { Node::If(branch) } else { Node::With(branch) }]);
        }
        match self.nodes()? {
            (nodes, Stop::End) => Ok(nodes),
            (_, Stop::Else(_)) => Err("a block has two {{else}}".to_owned()),
            (_, Stop::TextEnds) => Err("a block has no {{end}}".to_owned()),
        }
    }

    fn definition(&mut self, tokens: &[Token]) -> Result<(), String> {
        match tokens {
            [Token::Text(name)] if self.depth == 0 => self.body_of(name.clone()),
            [Token::Text(_)] => Err("a {{define}} within another block".to_owned()),
            _ => Err("{{define}} wants a name in quotes".to_owned()),
        }
    }

    /// A template of its own: of the variables around it only `$` is known there.
    fn body_of(&mut self, name: String) -> Result<(), String> {
        self.deeper()?;
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, stop) = self.nodes()?;
        if !matches!(stop, Stop::End) {
            return Err(format!("the definition of {name:?} has no {{{{end}}}}"));
        }
        (self.variables, self.loops) = (variables, loops);
        self.depth -= 1;
        self.defined.insert(name, body);
        Ok(())
    }

    fn call(&mut self, mut tokens: Vec<Token>) -> Result<Node, String> {
        let Some(Token::Text(name)) = tokens.first().cloned() else {
            return Err("{{template}} wants a name in quotes".to_owned());
        };
        let tokens = tokens.split_off(1);
        let argument = match tokens.is_empty() {
            true => None,
            false => Some(Line::new(&tokens, &mut self.variables).pipeline(1)?),
        };
        Ok(Node::Call(name, argument))
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("blocks are nested deeper than {DEPTH_MAX}"));
        }
        Ok(())
    }
}

enum Met {
    Node(Node),
    Nothing,
    Stop(Stop),
}
