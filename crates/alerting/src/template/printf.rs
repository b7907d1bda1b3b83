//! Go's `printf` for the values of templates, its words for mistakes included.

use super::functions::Item;
use super::text::display;

/// Wider or more exact than this is a mistake.
const WIDTH_MAX: usize = 1000;

#[derive(Default)]
struct Verb {
    is_left: bool,
    has_sign: bool,
    has_space: bool,
    has_zeros: bool,
    is_sharp: bool,
    width: usize,
    precision: Option<usize>,
}

pub(super) fn printf(format: &str, arguments: &[Item]) -> String {
    let mut arguments = arguments.iter();
    let mut printed = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        printed.push_str(&rest[..at]);
        let (verb, letter, behind) = verb(&rest[at + 1..]);
        rest = behind;
        match letter {
            None => printed.push_str("%!(NOVERB)"),
            Some('%') => printed.push('%'),
            Some(letter) => match arguments.next() {
                Some(argument) => printed.push_str(&one(&verb, letter, argument)),
                None => printed.push_str(&format!("%!{letter}(MISSING)")),
            },
        }
    }
    printed.push_str(rest);
    let extra: Vec<String> = arguments.map(|item| format!("{}={}", item.kind(), display(item))).collect();
    if !extra.is_empty() {
        printed.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    printed
}

/// Flags, width and precision, the letter, and what is behind it.
fn verb(text: &str) -> (Verb, Option<char>, &str) {
    let mut verb = Verb::default();
    let mut rest = text;
    while let Some(flag) = rest.chars().next() {
        match flag {
            '-' => verb.is_left = true,
            '+' => verb.has_sign = true,
            ' ' => verb.has_space = true,
            '0' => verb.has_zeros = true,
            '#' => verb.is_sharp = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    (verb.width, rest) = digits(rest);
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, behind) = digits(behind);
        (verb.precision, rest) = (Some(precision), behind);
    }
    let letter = rest.chars().next();
    (verb, letter, letter.map_or(rest, |letter| &rest[letter.len_utf8()..]))
}

fn digits(text: &str) -> (usize, &str) {
    let (digits, behind) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(WIDTH_MAX) };
    (number.min(WIDTH_MAX), behind)
}

fn one(verb: &Verb, letter: char, argument: &Item) -> String {
    let text = match (letter, argument) {
        ('v', Item::Float(number)) => Some(signed(verb, general(*number, verb.precision))),
        ('v', Item::Int(number)) => Some(signed(verb, number.to_string())),
        ('v' | 's', Item::Text(text)) => Some(cut(text, verb.precision)),
        ('v', other) => Some(display(other)),
        ('t', Item::Bool(truth)) => Some(truth.to_string()),
        ('q', Item::Text(text)) => Some(quoted(&cut(text, verb.precision))),
        ('x', Item::Text(text)) => Some(text.bytes().map(|byte| format!("{byte:02x}")).collect()),
        ('X', Item::Text(text)) => Some(text.bytes().map(|byte| format!("{byte:02X}")).collect()),
        (_, Item::Int(number)) => integer(letter, *number, verb.is_sharp).map(|text| signed(verb, text)),
        (_, Item::Float(number)) => float(letter, *number, verb.precision).map(|text| signed(verb, text)),
        _ => None,
    };
    match text {
        Some(text) => padded(verb, argument, text),
        None if matches!(argument, Item::Nil) => format!("%!{letter}(<nil>)"),
        None => format!("%!{letter}({}={})", argument.kind(), display(argument)),
    }
}

fn cut(text: &str, precision: Option<usize>) -> String {
    precision.map_or_else(|| text.to_owned(), |most| text.chars().take(most).collect())
}

fn signed(verb: &Verb, text: String) -> String {
    match text.starts_with(['-', '+']) {
        false if verb.has_sign => format!("+{text}"),
        false if verb.has_space => format!(" {text}"),
        true if text == "+Inf" && !verb.has_sign && !verb.has_space => text,
        _ => text,
    }
}

fn padded(verb: &Verb, argument: &Item, text: String) -> String {
    let missing = verb.width.saturating_sub(text.chars().count());
    let is_number =
        matches!(argument, Item::Int(_)) || matches!(argument, Item::Float(number) if number.is_finite());
    if missing == 0 {
        text
    } else if verb.is_left {
        text + &" ".repeat(missing)
    } else if verb.has_zeros && is_number {
        let sign = text.len() - text.trim_start_matches(['-', '+', ' ']).len();
        format!("{}{}{}", &text[..sign], "0".repeat(missing), &text[sign..])
    } else {
        " ".repeat(missing) + &text
    }
}

fn integer(letter: char, number: i64, is_sharp: bool) -> Option<String> {
    let sign = if number < 0 { "-" } else { "" };
    let size = number.unsigned_abs();
    let prefix = |prefix: &'static str| if is_sharp { prefix } else { "" };
    Some(match letter {
        'd' => format!("{number}"),
        'b' => format!("{sign}{}{size:b}", prefix("0b")),
        'o' => format!("{sign}{}{size:o}", prefix("0")),
        'x' => format!("{sign}{}{size:x}", prefix("0x")),
        'X' => format!("{sign}{}{size:X}", prefix("0X")),
        'c' | 'q' => {
            let c = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            if letter == 'c' { c.to_string() } else { format!("'{c}'") }
        }
        'U' => format!("U+{number:04X}"),
        _ => return None,
    })
}

fn float(letter: char, number: f64, precision: Option<usize>) -> Option<String> {
    let is_known = matches!(letter, 'f' | 'F' | 'e' | 'E' | 'g' | 'G');
    if !is_known {
        return None;
    }
    if !number.is_finite() {
        return Some(promql::format_value(number));
    }
    let text = match letter {
        'f' | 'F' => format!("{number:.*}", precision.unwrap_or(6)),
        'e' | 'E' => scientific(number, precision.unwrap_or(6)),
        _ => general(number, precision),
    };
    Some(if letter == 'E' || letter == 'G' { text.to_uppercase() } else { text })
}

/// `1.234560e+06`.
fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Go's `%g`: with so many significant digits, or as many as it needs; with an exponent when
/// the number is very small or has more digits than that.
pub(super) fn general(number: f64, precision: Option<usize>) -> String {
    if !number.is_finite() {
        return promql::format_value(number);
    }
    let precision = precision.map(|precision| precision.max(1));
    let text = match precision {
        Some(precision) => format!("{number:.*e}", precision - 1),
        None => format!("{number:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits =
        if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    let significant = digits.bytes().filter(u8::is_ascii_digit).count();
    let whole = exponent + 1;
    let most = match precision {
        None => 6,
        Some(precision) if precision > significant && significant as i32 >= whole => significant as i32,
        Some(precision) => precision as i32,
    };
    if exponent < -4 || exponent >= most {
        return scientific(number, significant.saturating_sub(1));
    }
    format!("{number:.*}", (significant as i32 - whole).max(0) as usize)
}

/// As Go's `%q`.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => quoted.push_str(&format!("\\x{:02x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
