//! Text to pieces.

use super::format::{argument_count, verbs};
use super::{Call, Function, Operand, Piece};

pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut trims_next = false;
    while let Some(open) = rest.find("{{") {
        let (before, inside) = (&rest[..open], &rest[open + 2..]);
        let close = closing(inside).ok_or("a `{{` has no `}}`")?;
        let mut action = &inside[..close];
        let before = if trims_next { before.trim_start() } else { before };
        let before = match action.strip_prefix("- ") {
            Some(tail) => {
                action = tail;
                before.trim_end()
            }
            None => before,
        };
        trims_next = false;
        if let Some(head) = action.strip_suffix(" -") {
            action = head;
            trims_next = true;
        }
        push_text(&mut pieces, before);
        if !is_comment(action) {
            pieces.push(Piece::Pipeline(pipeline(action)?));
        }
        rest = &inside[close + 2..];
    }
    push_text(&mut pieces, if trims_next { rest.trim_start() } else { rest });
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn is_comment(action: &str) -> bool {
    action.strip_prefix("/*").is_some_and(|rest| rest.find("*/").is_some_and(|end| end + 2 == rest.len()))
}

/// The `}}` that ends an action, not one within a string.
fn closing(text: &str) -> Option<usize> {
    if let Some(start) = ["/*", "- /*"].iter().find(|start| text.starts_with(**start)) {
        let end = start.len() + text[start.len()..].find("*/")? + 2;
        return text[end..].find("}}").map(|close| end + close);
    }
    let mut quote = None;
    let mut is_escaped = false;
    for (index, c) in text.char_indices() {
        match quote {
            Some('"') if is_escaped => is_escaped = false,
            Some('"') if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '`' => quote = Some(c),
            None if text[index..].starts_with("}}") => return Some(index),
            None => {}
        }
    }
    None
}

#[derive(Debug, PartialEq)]
enum Token {
    Pipe,
    Word(String),
    Text(String),
}

fn pipeline(action: &str) -> Result<Vec<Call>, String> {
    let tokens = tokens(action)?;
    let mut calls = Vec::new();
    for stage in tokens.split(|token| *token == Token::Pipe) {
        calls.push(call(stage, !calls.is_empty())?);
    }
    Ok(calls)
}

fn tokens(action: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = action.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '|' => (Token::Pipe, 1),
            '"' | '`' => string(rest, first)?,
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || c == '|').unwrap_or(rest.len());
                (Token::Word(rest[..end].to_owned()), end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// The string at the start of `text`, and how many bytes it takes with its quotes.
fn string(text: &str, quote: char) -> Result<(Token, usize), String> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((Token::Text(value), index + 1)),
            '\\' if quote == '"' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err("an unknown escape in a string".to_owned()),
            },
            _ => value.push(c),
        }
    }
    Err("a string does not end".to_owned())
}

fn call(stage: &[Token], is_fed: bool) -> Result<Call, String> {
    let (first, arguments) = stage.split_first().ok_or("a pipeline has an empty stage")?;
    let function = match first {
        Token::Word(word) => function(word),
        _ => None,
    };
    let Some(function) = function else {
        return match (arguments, is_fed) {
            ([], false) => Ok(Call::Operand(operand(first)?)),
            _ => Err(format!("{} is not a function", shown(first))),
        };
    };
    let arguments: Vec<Operand> = arguments.iter().map(operand).collect::<Result<_, _>>()?;
    check_arguments(function, &arguments, arguments.len() + usize::from(is_fed))?;
    Ok(Call::Function(function, arguments))
}

fn check_arguments(function: Function, arguments: &[Operand], count: usize) -> Result<(), String> {
    let expected = match (function, arguments.first()) {
        (Function::Printf, Some(Operand::Text(format))) => 1 + argument_count(&verbs(format)?),
        (Function::Printf, _) => return Err("`printf` wants a format in quotes first".to_owned()),
        _ => 1,
    };
    if count != expected {
        return Err(format!("a function has {count} arguments where {expected} are wanted"));
    }
    Ok(())
}

fn function(word: &str) -> Option<Function> {
    Some(match word {
        "humanize" => Function::Humanize,
        "humanize1024" => Function::Humanize1024,
        "humanizeDuration" => Function::HumanizeDuration,
        "humanizePercentage" => Function::HumanizePercentage,
        "printf" => Function::Printf,
        "humanizeTimestamp" => Function::HumanizeTimestamp,
        "title" => Function::Title,
        "stripPort" => Function::StripPort,
        "stripDomain" => Function::StripDomain,
        "parseDuration" => Function::ParseDuration,
        "safeHtml" => Function::SafeHtml,
        "toUpper" => Function::ToUpper,
        "toLower" => Function::ToLower,
        _ => return None,
    })
}

fn operand(token: &Token) -> Result<Operand, String> {
    let word = match token {
        Token::Text(text) => return Ok(Operand::Text(text.clone())),
        Token::Word(word) => word,
        Token::Pipe => return Err("a pipe where a value is wanted".to_owned()),
    };
    if word == "$value" || word == ".Value" {
        return Ok(Operand::Value);
    }
    let label = word.strip_prefix("$labels.").or_else(|| word.strip_prefix(".Labels."));
    if let Some(name) = label.filter(|name| is_label_name(name)) {
        return Ok(Operand::Label(name.to_owned()));
    }
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Operand::Number(number)),
        _ => Err(format!("{} is neither a value nor a function that is known here", shown(token))),
    }
}

fn is_label_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Text(text) => format!("{text:?}"),
        Token::Pipe => "`|`".to_owned(),
    }
}
