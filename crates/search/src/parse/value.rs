//! What a value means to the field that it is said of.

use model::{SpanId, TraceId};

use super::characters::Written;
use super::pattern;
use crate::expression::{Condition, Text};
use crate::fields::Form;
use crate::operand::Operand;

pub fn condition(form: Form, name: &str, value: &Written) -> Result<Condition, String> {
    if !value.is_quoted && value.text == "*" {
        return Ok(Condition::Exists);
    }
    // Nobody asks for a whole message; and a name may be long.
    if matches!(name, "body" | "message") && (value.is_quoted || !value.text.contains('*')) {
        return Ok(Condition::Contains(Text::Part(value.text.clone())));
    }
    if !value.is_quoted && value.text.contains('*') && form == Form::Any {
        return pattern::stars(&value.text).map(Condition::Matches);
    }
    operand(form, &value.text).map(Condition::Is)
}

/// Checked against the form that the field's values have.
pub fn operand(form: Form, text: &str) -> Result<Operand, String> {
    let operand = Operand::new(text);
    let expected = match form {
        Form::Severity if operand.severity.is_none() => "one of trace, debug, info, warn, error, fatal",
        Form::TraceId => match TraceId::parse(text) {
            Some(id) => return Ok(Operand::new(&id.to_string())),
            None => "a trace id: 32 hexadecimal digits",
        },
        Form::SpanId => match SpanId::parse(text) {
            Some(id) => return Ok(Operand::new(&id.to_string())),
            None => "a span id: 16 hexadecimal digits",
        },
        Form::Duration if operand.duration_nanos.is_none() => "a duration with its unit, as in 200ms or 1.5s",
        _ => return Ok(operand),
    };
    Err(format!("`{text}` is not {expected}"))
}

/// Whether something can be more or less than it.
pub fn check_order(operand: &Operand, form: Form) -> Result<(), String> {
    let is_ordered = match form {
        Form::Severity | Form::Duration => true,
        Form::TraceId | Form::SpanId => false,
        Form::Any => operand.number.is_some() || operand.duration_nanos.is_some(),
    };
    if is_ordered { Ok(()) } else { Err(format!("`{}` is no number and no duration", operand.text)) }
}
