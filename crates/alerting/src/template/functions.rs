//! The functions of templates, and the values that they work with.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::LabelSet;
use regex::RegexBuilder;

use super::execute::{Execution, failed};
use super::printf::printf;
use super::standard::{self, Order};
use super::{Interrupt, OUTPUT_BYTES_MAX, numbers, text};

/// A compiled expression of a template may take this much.
const REGEX_BYTES_MAX: usize = 256 << 10;

/// A value within a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Map(Rc<Map>),
    List(Rc<[Item]>),
    /// Labels and value.
    Sample(Rc<(Rc<Map>, f64)>),
    /// The dot of the whole template.
    Data,
}

/// Names and values, and what stands for a name that is absent.
#[derive(Debug, PartialEq)]
pub(super) struct Map {
    entries: BTreeMap<String, Item>,
    absent: Item,
}

impl Map {
    pub(super) fn get(&self, name: &str) -> Item {
        self.entries.get(name).unwrap_or(&self.absent).clone()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Item)> {
        self.entries.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Item {
    pub(super) fn labels(labels: &LabelSet) -> Self {
        Item::Map(Rc::new(map_of(labels)))
    }

    /// Go's name for the type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Item::Nil => "nil",
            Item::Bool(_) => "bool",
            Item::Int(_) => "int",
            Item::Float(_) => "float64",
            Item::Text(_) => "string",
            Item::Map(_) => "map[string]string",
            Item::List(_) => "template.queryResult",
            Item::Sample(_) => "*template.sample",
            Item::Data => "struct",
        }
    }

    /// Whether `if` goes its first way.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Item::Nil => false,
            Item::Bool(truth) => *truth,
            Item::Int(number) => *number != 0,
            Item::Float(number) => *number != 0.0,
            Item::Text(text) => !text.is_empty(),
            Item::Map(map) => map.len() > 0,
            Item::List(list) => !list.is_empty(),
            Item::Sample(_) | Item::Data => true,
        }
    }

    /// What `range` goes over: keys and elements.
    pub(super) fn elements(&self) -> Result<Vec<(Item, Item)>, String> {
        match self {
            Item::List(list) => {
                Ok(list.iter().enumerate().map(|(at, item)| (Item::Int(at as i64), item.clone())).collect())
            }
            Item::Map(map) => {
                Ok(map.iter().map(|(name, item)| (Item::Text(name.clone()), item.clone())).collect())
            }
            Item::Int(count) if *count <= 10_000 => {
                Ok((0..*count).map(|at| (Item::Int(at), Item::Int(at))).collect())
            }
            Item::Nil => Ok(Vec::new()),
            other => Err(format!("range can't iterate over {}", other.kind())),
        }
    }
}

fn map_of(labels: &LabelSet) -> Map {
    let entries = labels.iter().map(|(name, value)| (name.to_owned(), Item::Text(value.to_owned())));
    Map { entries: entries.collect(), absent: Item::Text(String::new()) }
}

/// A function as templates know it.
#[derive(Debug)]
pub(super) struct Entry {
    name: &'static str,
    function: Function,
    least: usize,
    most: usize,
}

/// Name, function, and how many arguments it takes.
static FUNCTIONS: [Entry; 46] = {
    use Function as F;
    const MANY: usize = usize::MAX;
    const fn entry((name, function, least, most): (&'static str, Function, usize, usize)) -> Entry {
        Entry { name, function, least, most }
    }
    [
        entry(("and", F::And, 1, MANY)),
        entry(("or", F::Or, 1, MANY)),
        entry(("not", F::Not, 1, 1)),
        entry(("eq", F::Equal, 2, MANY)),
        entry(("ne", F::NotEqual, 2, 2)),
        entry(("lt", F::Ordered(Order::Less), 2, 2)),
        entry(("le", F::Ordered(Order::LessOrEqual), 2, 2)),
        entry(("gt", F::Ordered(Order::Greater), 2, 2)),
        entry(("ge", F::Ordered(Order::GreaterOrEqual), 2, 2)),
        entry(("len", F::Length, 1, 1)),
        entry(("index", F::Index, 1, MANY)),
        entry(("slice", F::Slice, 1, 4)),
        entry(("print", F::Print, 0, MANY)),
        entry(("println", F::PrintLine, 0, MANY)),
        entry(("printf", F::Printf, 1, MANY)),
        entry(("html", F::Html, 0, MANY)),
        entry(("js", F::Html, 0, MANY)),
        entry(("urlquery", F::UrlQuery, 0, MANY)),
        entry(("query", F::Query, 1, 1)),
        entry(("first", F::First, 1, 1)),
        entry(("label", F::Label, 2, 2)),
        entry(("value", F::Value, 1, 1)),
        entry(("strvalue", F::StringValue, 1, 1)),
        entry(("args", F::Arguments, 0, MANY)),
        entry(("tmpl", F::Template, 2, 2)),
        entry(("sortByLabel", F::SortByLabel, 2, 2)),
        entry(("reReplaceAll", F::Replace, 3, 3)),
        entry(("match", F::Match, 2, 2)),
        entry(("safeHtml", F::Text(str::to_owned), 1, 1)),
        entry(("title", F::Text(text::titled), 1, 1)),
        entry(("toUpper", F::Text(text::upper), 1, 1)),
        entry(("toLower", F::Text(text::lower), 1, 1)),
        entry(("stripPort", F::Text(text::strip_port), 1, 1)),
        entry(("stripDomain", F::Text(text::strip_domain), 1, 1)),
        entry(("graphLink", F::Text(text::graph_link), 1, 1)),
        entry(("tableLink", F::Text(text::table_link), 1, 1)),
        entry(("urlQueryEscape", F::Text(text::query_escaped), 1, 1)),
        entry(("humanize", F::Number(numbers::humanize), 1, 1)),
        entry(("humanize1024", F::Number(numbers::humanize_1024), 1, 1)),
        entry(("humanizeDuration", F::Number(numbers::humanize_duration), 1, 1)),
        entry(("humanizePercentage", F::Number(numbers::humanize_percentage), 1, 1)),
        entry(("humanizeTimestamp", F::Number(numbers::humanize_timestamp), 1, 1)),
        entry(("toTime", F::Number(numbers::humanize_timestamp), 1, 1)),
        entry(("parseDuration", F::ParseDuration, 1, 1)),
        entry(("now", F::Now, 0, 0)),
        entry(("externalURL", F::ExternalUrl, 0, 0)),
    ]
};

#[derive(Clone, Copy, Debug)]
enum Function {
    And,
    Or,
    Not,
    Equal,
    NotEqual,
    Ordered(Order),
    Length,
    Index,
    Slice,
    Print,
    PrintLine,
    Printf,
    Html,
    UrlQuery,
    Query,
    First,
    Label,
    Value,
    StringValue,
    Arguments,
    Template,
    SortByLabel,
    Replace,
    Match,
    Text(fn(&str) -> String),
    Number(fn(f64) -> Result<String, String>),
    ParseDuration,
    Now,
    ExternalUrl,
}

impl Entry {
    pub(super) fn named(word: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|entry| entry.name == word)
    }

    /// The truth at which `and` and `or` stop looking.
    pub(super) fn decides_early(&self) -> Option<bool> {
        match self.function {
            Function::And => Some(false),
            Function::Or => Some(true),
            _ => None,
        }
    }
}

pub(super) fn call(
    execution: &mut Execution<'_>,
    entry: &Entry,
    arguments: &[Item],
) -> Result<Item, Interrupt> {
    let Entry { name, function, least, most } = *entry;
    let count = arguments.len();
    if count < least || count > most {
        return failed(format!("wrong number of args for {name}: want {least} got {count}"));
    }
    let yielded = match function {
        Function::Query => queried(execution, &string(arguments, 0)?)?,
        Function::Template => {
            let (name, dot) = (string(arguments, 0)?, arguments.get(1).unwrap_or(&Item::Nil));
            Item::Text(execution.rendered(&name, dot)?)
        }
        Function::Now => Item::Float(execution.facts.at.as_secs_f64()),
        Function::ExternalUrl => Item::Text(execution.facts.surroundings.external_url.clone()),
        _ => pure(function, arguments).map_err(Interrupt::Failed)?,
    };
    match &yielded {
        Item::Text(text) if text.len() > OUTPUT_BYTES_MAX => {
            failed(format!("{name} yields more than {OUTPUT_BYTES_MAX} bytes"))
        }
        _ => Ok(yielded),
    }
}

fn pure(function: Function, arguments: &[Item]) -> Result<Item, String> {
    let item = |at: usize| arguments.get(at).unwrap_or(&Item::Nil);
    let text = |at: usize| text_of(item(at));
    Ok(match function {
        Function::Not => Item::Bool(!item(0).is_true()),
        Function::Equal => Item::Bool(standard::equal_to_any(item(0), &arguments[1..])?),
        Function::NotEqual => Item::Bool(!standard::equal_to_any(item(0), &arguments[1..])?),
        Function::Ordered(order) => Item::Bool(standard::is_ordered(order, item(0), item(1))?),
        Function::Length => Item::Int(standard::length(item(0))?),
        Function::Index => standard::index(item(0), &arguments[1..])?,
        Function::Slice => standard::slice(item(0), &arguments[1..])?,
        Function::Print => Item::Text(text::printed(arguments)),
        Function::PrintLine => Item::Text(text::printed_line(arguments)),
        Function::Printf => Item::Text(printf(text(0)?, &arguments[1..])),
        Function::Html => Item::Text(text::html_escaped(&text::printed(arguments))),
        Function::UrlQuery => Item::Text(text::query_escaped(&text::printed(arguments))),
        Function::First => match list_of(item(0))? {
            [first, ..] => first.clone(),
            [] => return Err("error calling first: first() called on vector with no elements".to_owned()),
        },
        Function::Label => sample_of(item(1))?.0.get(text(0)?),
        Function::Value => Item::Float(sample_of(item(0))?.1),
        Function::StringValue => sample_of(item(0))?.0.get("__value__"),
        Function::Arguments => {
            let entries = arguments.iter().enumerate().map(|(at, item)| (format!("arg{at}"), item.clone()));
            Item::Map(Rc::new(Map { entries: entries.collect(), absent: Item::Nil }))
        }
        Function::SortByLabel => sorted(text(0)?, list_of(item(1))?)?,
        Function::Replace => Item::Text(regex(text(0)?)?.replace_all(text(2)?, text(1)?).into_owned()),
        Function::Match => Item::Bool(regex(text(0)?)?.is_match(text(1)?)),
        Function::Text(change) => Item::Text(change(text(0)?)),
        Function::Number(show) => Item::Text(show(numbers::number(item(0))?)?),
        Function::ParseDuration => {
            let wrong = || format!("not a valid duration string: {:?}", text::display(item(0)));
            Item::Float(model::parse_duration(text(0)?).ok_or_else(wrong)?.as_secs_f64())
        }
        // These need more than their arguments.
        Function::And
        | Function::Or
        | Function::Query
        | Function::Template
        | Function::Now
        | Function::ExternalUrl => Item::Nil,
    })
}

fn queried(execution: &Execution<'_>, query: &str) -> Result<Item, Interrupt> {
    let answer = execution.answers.get(query).ok_or_else(|| Interrupt::Ask(query.to_owned()))?;
    let samples =
        answer.iter().map(|(labels, value)| Item::Sample(Rc::new((Rc::new(map_of(labels)), *value))));
    Ok(Item::List(samples.collect()))
}

fn sorted(label: &str, list: &[Item]) -> Result<Item, String> {
    let mut keyed: Vec<(String, Item)> = list
        .iter()
        .map(|item| Ok((text::display(&sample_of(item)?.0.get(label)), item.clone())))
        .collect::<Result<_, String>>()?;
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(Item::List(keyed.into_iter().map(|(_, item)| item).collect()))
}

fn regex(pattern: &str) -> Result<regex::Regex, String> {
    let built =
        RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|_| format!("error parsing regexp: {pattern:?}"))
}

fn string(arguments: &[Item], at: usize) -> Result<String, Interrupt> {
    text_of(arguments.get(at).unwrap_or(&Item::Nil)).map(str::to_owned).map_err(Interrupt::Failed)
}

fn text_of(item: &Item) -> Result<&str, String> {
    match item {
        Item::Text(text) => Ok(text),
        other => Err(format!("wrong type for value; expected string; got {}", other.kind())),
    }
}

fn list_of(item: &Item) -> Result<&[Item], String> {
    match item {
        Item::List(list) => Ok(list),
        other => Err(format!("wrong type for value; expected template.queryResult; got {}", other.kind())),
    }
}

fn sample_of(item: &Item) -> Result<&(Rc<Map>, f64), String> {
    match item {
        Item::Sample(sample) => Ok(sample),
        other => Err(format!("wrong type for value; expected *template.sample; got {}", other.kind())),
    }
}
