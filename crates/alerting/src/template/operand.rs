//! The tokens of one action to a pipeline.

use super::functions::Entry;
use super::parse::DEPTH_MAX;
use super::scan::Token;
use super::tree::{Command, Operand, Pipeline};

pub(super) struct Line<'a> {
    tokens: &'a [Token],
    at: usize,
    variables: &'a mut Vec<String>,
    depth: usize,
}

impl<'a> Line<'a> {
    pub(super) fn new(tokens: &'a [Token], variables: &'a mut Vec<String>) -> Self {
        Self { tokens, at: 0, variables, depth: 0 }
    }

    /// All of the tokens as one pipeline.
    pub(super) fn pipeline(mut self, variables_max: usize) -> Result<Pipeline, String> {
        let mut pipeline = self.declaration(variables_max)?;
        pipeline.commands = self.commands()?;
        match self.tokens.get(self.at) {
            // Only now: what is declared is not known within its own value.
            None if !pipeline.assigns => self.variables.extend(pipeline.variables.iter().cloned()),
            None => {}
            Some(token) => return Err(format!("unexpected {} in an action", shown(token))),
        }
        Ok(pipeline)
    }

    /// `$a :=`, `$a =`, or `$i, $a :=`.
    fn declaration(&mut self, variables_max: usize) -> Result<Pipeline, String> {
        let mut pipeline = Pipeline::default();
        let (names, behind): (Vec<&String>, usize) = match self.tokens {
            [Token::Variable(name), Token::Declare | Token::Assign, ..] => (vec![name], 1),
            [
                Token::Variable(one),
                Token::Comma,
                Token::Variable(two),
                Token::Declare | Token::Assign,
                ..,
            ] => (vec![one, two], 3),
            _ => return Ok(pipeline),
        };
        if names.len() > variables_max {
            return Err("too many declarations in an action".to_owned());
        }
        pipeline.assigns = self.tokens.get(behind) == Some(&Token::Assign);
        if let Some(unknown) = names.iter().find(|name| pipeline.assigns && !self.variables.contains(name)) {
            return Err(format!("undefined variable \"{unknown}\""));
        }
        pipeline.variables = names.into_iter().cloned().collect();
        self.at = behind + 1;
        Ok(pipeline)
    }

    fn commands(&mut self) -> Result<Vec<Command>, String> {
        let mut commands = vec![self.command()?];
        while self.tokens.get(self.at) == Some(&Token::Pipe) {
            self.at += 1;
            let command = self.command()?;
            if !takes_arguments(&command.first) {
                return Err("non executable command in pipeline".to_owned());
            }
            commands.push(command);
        }
        Ok(commands)
    }

    fn command(&mut self) -> Result<Command, String> {
        let first = self.operand()?.ok_or("missing value for command")?;
        let mut arguments = Vec::new();
        while let Some(argument) = self.operand()? {
            arguments.push(argument);
        }
        if !arguments.is_empty() && !takes_arguments(&first) {
            return Err("can't give argument to non-function".to_owned());
        }
        Ok(Command { first, arguments })
    }

    fn operand(&mut self) -> Result<Option<Operand>, String> {
        let Some(token) = self.tokens.get(self.at) else { return Ok(None) };
        let mut operand = match token {
            Token::Pipe | Token::Close => return Ok(None),
            Token::Dot => Operand::Dot,
            Token::Field(name, _) => Operand::Fields(Box::new(Operand::Dot), vec![name.clone()]),
            Token::Text(text) => Operand::Text(text.clone()),
            Token::Int(number) => Operand::Int(*number),
            Token::Float(number) => Operand::Float(*number),
            Token::Variable(name) if self.variables.contains(name) => Operand::Variable(name.clone()),
            Token::Variable(name) => return Err(format!("undefined variable \"{name}\"")),
            Token::Word(word) => named(word)?,
            Token::Open => return self.parenthesis().map(Some),
            other => return Err(format!("unexpected {} in an action", shown(other))),
        };
        self.at += 1;
        self.fields(&mut operand);
        Ok(Some(operand))
    }

    fn parenthesis(&mut self) -> Result<Operand, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("parentheses are nested deeper than {DEPTH_MAX}"));
        }
        self.at += 1;
        let commands = self.commands()?;
        if self.tokens.get(self.at) != Some(&Token::Close) {
            return Err("unclosed left paren".to_owned());
        }
        self.at += 1;
        self.depth -= 1;
        let mut operand = Operand::Pipeline(Box::new(Pipeline { commands, ..Pipeline::default() }));
        self.fields(&mut operand);
        Ok(operand)
    }

    /// `.Labels.job` right behind an operand.
    fn fields(&mut self, operand: &mut Operand) {
        let mut names = Vec::new();
        while let Some(Token::Field(name, true)) = self.tokens.get(self.at) {
            names.push(name.clone());
            self.at += 1;
        }
        if names.is_empty() {
            return;
        }
        let before = std::mem::replace(operand, Operand::Nil);
        *operand = match before {
            Operand::Fields(of, mut earlier) => {
                earlier.append(&mut names);
                Operand::Fields(of, earlier)
            }
            of => Operand::Fields(Box::new(of), names),
        };
    }
}

fn named(word: &str) -> Result<Operand, String> {
    Ok(match word {
        "true" => Operand::Bool(true),
        "false" => Operand::Bool(false),
        "nil" => Operand::Nil,
        _ => Operand::Function(Entry::named(word).ok_or_else(|| format!("function {word:?} not defined"))?),
    })
}

fn takes_arguments(first: &Operand) -> bool {
    matches!(first, Operand::Function(_) | Operand::Fields(..))
}

fn shown(token: &Token) -> String {
    match token {
        Token::Declare => "\":=\"".to_owned(),
        Token::Assign => "\"=\"".to_owned(),
        Token::Comma => "\",\"".to_owned(),
        Token::Close => "right paren".to_owned(),
        other => format!("{other:?}"),
    }
}
