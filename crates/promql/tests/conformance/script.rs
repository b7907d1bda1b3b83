//! A file of cases as a list of commands.

use model::LabelSet;

use promql::notation::{self, Item};

#[derive(Debug)]
pub enum Command {
    Clear,
    Load { interval_ms: i64, series: Vec<(LabelSet, Vec<Item>)>, with_histograms: bool },
    Eval(Box<Case>),
}

#[derive(Debug)]
pub struct Case {
    pub line: usize,
    pub query: String,
    pub when: When,
    pub expected: Vec<(LabelSet, Vec<Item>)>,
    pub scalar: Option<f64>,
    pub text: Option<String>,
    pub range_vector: Option<Steps>,
    pub is_ordered: bool,
    pub fails: Option<Message>,
    pub warns: Vec<Message>,
    pub informs: Vec<Message>,
    pub no_warning: bool,
    pub no_info: bool,
    /// Why the expectation could not be read, if so.
    pub unreadable: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub enum When {
    At(i64),
    Over(Steps),
}

#[derive(Clone, Copy, Debug)]
pub struct Steps {
    pub start: i64,
    pub end: i64,
    pub step: i64,
}

#[derive(Clone, Debug)]
pub enum Message {
    Any,
    Exactly(String),
    Matching(String),
}

pub fn parse(text: &str) -> Vec<Command> {
    let lines: Vec<(usize, &str)> =
        text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).collect();
    let lines: Vec<(usize, &str)> = lines.into_iter().filter(|(_, line)| !line.starts_with('#')).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while let Some((number, line)) = lines.get(at).copied() {
        at += 1;
        let body_end = lines[at..].iter().position(|(_, line)| line.is_empty() || is_command(line));
        let body = &lines[at..body_end.map_or(lines.len(), |distance| at + distance)];
        if line == "clear" {
            commands.push(Command::Clear);
        } else if line.starts_with("load") {
            commands.push(load(line, body));
            at += body.len();
        } else if line.starts_with("eval") {
            commands.push(Command::Eval(Box::new(case(number, line, body))));
            at += body.len();
        } else {
            assert!(line.is_empty(), "line {number} is no command: {line}");
        }
    }
    commands
}

fn is_command(line: &str) -> bool {
    line == "clear"
        || line.starts_with("load ")
        || line.starts_with("load_with_nhcb ")
        || line.starts_with("eval")
}

fn load(line: &str, body: &[(usize, &str)]) -> Command {
    let (verb, interval) = line.split_once(' ').unwrap();
    let series = body.iter().map(|(number, line)| {
        let (labels, values) = notation::labels(line).unwrap_or_else(|why| panic!("line {number}: {why}"));
        (labels, notation::items(values).unwrap_or_else(|why| panic!("line {number}: {why}")))
    });
    Command::Load {
        interval_ms: millis(interval.trim()),
        series: series.collect(),
        with_histograms: verb == "load_with_nhcb",
    }
}

fn case(line_number: usize, line: &str, body: &[(usize, &str)]) -> Case {
    let (verb, rest) = line.split_once(' ').unwrap();
    let (when, query) = when(rest);
    let mut case = Case {
        line: line_number,
        query: query.to_owned(),
        when,
        expected: Vec::new(),
        scalar: None,
        text: None,
        range_vector: None,
        is_ordered: verb == "eval_ordered",
        fails: (verb == "eval_fail").then_some(Message::Any),
        warns: if verb == "eval_warn" { vec![Message::Any] } else { Vec::new() },
        informs: if verb == "eval_info" { vec![Message::Any] } else { Vec::new() },
        no_warning: false,
        no_info: false,
        unreadable: None,
    };
    for (_, line) in body {
        if let Err(why) = expectation(&mut case, line) {
            case.unreadable = Some(why);
        }
    }
    case
}

fn when(rest: &str) -> (When, &str) {
    let rest = rest.trim();
    if let Some(rest) = rest.strip_prefix("instant at ") {
        let (at, query) = rest.trim().split_once(char::is_whitespace).unwrap();
        return (When::At(millis(at)), query.trim());
    }
    let rest = rest.strip_prefix("range ").unwrap();
    let (steps, query) = steps(rest);
    (When::Over(steps), query)
}

/// `from 0 to 10m step 1m`, and what follows.
fn steps(text: &str) -> (Steps, &str) {
    let mut rest = text.trim();
    let mut take = |word: &str| {
        let after = rest.strip_prefix(word).unwrap().trim_start();
        let (value, after) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        rest = after.trim_start();
        millis(value)
    };
    let (start, end, step) = (take("from"), take("to"), take("step"));
    (Steps { start, end, step }, rest)
}

fn expectation(case: &mut Case, line: &str) -> Result<(), String> {
    if let Some(what) = line.strip_prefix("expect ") {
        return annotation(case, what.trim());
    }
    if let Some(value) = notation::number(line) {
        case.scalar = Some(value);
        return Ok(());
    }
    let (labels, values) = notation::labels(line)?;
    let values = notation::items(values)?;
    case.expected.push((labels, values));
    Ok(())
}

fn annotation(case: &mut Case, what: &str) -> Result<(), String> {
    if let Some(text) = what.strip_prefix("string ") {
        case.text = Some(notation::quoted(text.trim())?.0);
    } else if let Some(range) = what.strip_prefix("range vector ") {
        case.range_vector = Some(steps(range).0);
    } else if what == "ordered" {
        case.is_ordered = true;
    } else if what == "no_warn" {
        case.no_warning = true;
    } else if what == "no_info" {
        case.no_info = true;
    } else if let Some(rest) = what.strip_prefix("fail") {
        case.fails = Some(message(rest));
    } else if let Some(rest) = what.strip_prefix("warn") {
        case.warns.push(message(rest));
    } else if let Some(rest) = what.strip_prefix("info") {
        case.informs.push(message(rest));
    } else {
        return Err(format!("unknown expectation: {what}"));
    }
    Ok(())
}

fn message(rest: &str) -> Message {
    let rest = rest.trim();
    if let Some(text) = rest.strip_prefix("msg:") {
        Message::Exactly(text.trim().to_owned())
    } else if let Some(pattern) = rest.strip_prefix("regex:") {
        Message::Matching(pattern.trim().to_owned())
    } else {
        Message::Any
    }
}

/// `1h30m`, `10s53ms`, or seconds.
fn millis(text: &str) -> i64 {
    if let Ok(secs) = text.parse::<f64>() {
        return (secs * 1000.0).round() as i64;
    }
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut total = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or_else(|| panic!("no unit in {text}"));
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "y" => 365 * 86_400_000,
            other => panic!("unit {other} in {text}"),
        };
        total += number.parse::<i64>().unwrap() * unit;
        rest = after;
    }
    sign * total
}
