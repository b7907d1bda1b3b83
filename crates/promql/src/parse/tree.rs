//! A query as others want to see it: laid out anew, or as the tree that Prometheus' page
//! draws.
//!
//! Both show the grammar's own tree and not the lowered expression, which has lost
//! parentheses and spellings.

use promql_parser::label::Matchers;
use promql_parser::parser as tree;
use promql_parser::parser::value::ValueType;
use serde_json::{Value, json};

use super::{Grammar, tokens};
use crate::{ParseError, format_value};

/// The query with Prometheus' spacing and line breaks. It means the same: the grammar writes
/// a few rare things in a way that it does not read, `offset -0` for one, and those are
/// refused.
pub fn format(text: &str) -> Result<String, ParseError> {
    let tree = plain_tree(text)?;
    let laid_out = tree.prettify();
    match plain_tree(&laid_out) {
        Ok(again) if node(&again) == node(&tree) => Ok(laid_out),
        _ => Err(ParseError::new("the query cannot be laid out")),
    }
}

/// The tree as JSON, node by node in the form of Prometheus' `/api/v1/parse_query`.
/// Source: `web/api/v1/translate_ast.go`.
pub fn syntax_tree(text: &str) -> Result<Value, ParseError> {
    Ok(node(&plain_tree(text)?))
}

/// The operators that the grammar does not know would come out as others.
fn plain_tree(text: &str) -> Result<tree::Expr, ParseError> {
    let Grammar { tokens, tree } = super::understood(text)?;
    match tokens.iter().find(|token| tokens::is_trim(token.text)) {
        Some(trim) => Err(ParseError::new(format!("queries with `{}` cannot be shown as a tree", trim.text))),
        None => Ok(tree),
    }
}

fn node(expr: &tree::Expr) -> Value {
    match expr {
        tree::Expr::NumberLiteral(number) => {
            json!({ "type": "numberLiteral", "val": format_value(number.val) })
        }
        tree::Expr::StringLiteral(text) => json!({ "type": "stringLiteral", "val": text.val }),
        tree::Expr::VectorSelector(selector) => self::selector("vectorSelector", selector),
        tree::Expr::MatrixSelector(matrix) => {
            let mut shown = self::selector("matrixSelector", &matrix.vs);
            shown["range"] = millis(matrix.range);
            shown
        }
        tree::Expr::Subquery(subquery) => json!({
            "type": "subquery",
            "expr": node(&subquery.expr),
            "range": millis(subquery.range),
            "offset": offset(subquery.offset.as_ref()),
            "step": subquery.step.map_or(json!(0), millis),
            "timestamp": timestamp(subquery.at.as_ref()),
            "startOrEnd": start_or_end(subquery.at.as_ref()),
        }),
        tree::Expr::Paren(paren) => json!({ "type": "parenExpr", "expr": node(&paren.expr) }),
        tree::Expr::Unary(unary) => json!({ "type": "unaryExpr", "op": "-", "expr": node(&unary.expr) }),
        tree::Expr::Binary(binary) => json!({
            "type": "binaryExpr",
            "op": binary.op.to_string(),
            "lhs": node(&binary.lhs),
            "rhs": node(&binary.rhs),
            "matching": matching(binary),
            "bool": binary.return_bool(),
        }),
        tree::Expr::Aggregate(aggregate) => {
            let (labels, without) = match &aggregate.modifier {
                None => (&[][..], false),
                Some(tree::LabelModifier::Include(labels)) => (&labels.labels[..], false),
                Some(tree::LabelModifier::Exclude(labels)) => (&labels.labels[..], true),
            };
            json!({
                "type": "aggregation",
                "op": aggregate.op.to_string(),
                "expr": node(&aggregate.expr),
                "param": aggregate.param.as_ref().map(|parameter| node(parameter)),
                "grouping": labels,
                "without": without,
            })
        }
        tree::Expr::Call(call) => json!({
            "type": "call",
            "func": {
                "name": call.func.name,
                "argTypes": call.func.arg_types.iter().map(|kind| word(*kind)).collect::<Vec<_>>(),
                "variadic": call.func.variadic,
                "returnType": word(call.func.return_type),
            },
            "args": call.args.args.iter().map(|argument| node(argument)).collect::<Vec<_>>(),
        }),
        // The grammar makes none; only its users could.
        tree::Expr::Extension(_) => Value::Null,
    }
}

fn selector(kind: &str, selector: &tree::VectorSelector) -> Value {
    json!({
        "type": kind,
        "name": selector.name.as_deref().unwrap_or(""),
        "offset": offset(selector.offset.as_ref()),
        "matchers": matchers(selector.name.as_deref(), &selector.matchers),
        "timestamp": timestamp(selector.at.as_ref()),
        "startOrEnd": start_or_end(selector.at.as_ref()),
        "anchored": false,
        "smoothed": false,
    })
}

/// A name before the braces is a matcher too, the last one.
fn matchers(name: Option<&str>, matchers: &Matchers) -> Vec<Value> {
    let listed = matchers.matchers.iter().map(
        |matcher| json!({ "name": matcher.name, "value": matcher.value, "type": matcher.op.to_string() }),
    );
    let name = name.map(|name| json!({ "name": model::METRIC_NAME, "value": name, "type": "=" }));
    listed.chain(name).collect()
}

/// Nothing when one side is a scalar.
fn matching(binary: &tree::BinaryExpr) -> Value {
    use tree::VectorMatchCardinality as C;
    let is_vector = |side: &tree::Expr| side.value_type() == ValueType::Vector;
    if !is_vector(&binary.lhs) || !is_vector(&binary.rhs) {
        return Value::Null;
    }
    let modifier = binary.modifier.clone().unwrap_or_default();
    let is_set = matches!(binary.op.to_string().as_str(), "and" | "or" | "unless");
    let (card, include) = match &modifier.card {
        C::OneToOne if !is_set => ("one-to-one", &[][..]),
        C::OneToOne | C::ManyToMany => ("many-to-many", &[][..]),
        C::ManyToOne(labels) => ("many-to-one", &labels.labels[..]),
        C::OneToMany(labels) => ("one-to-many", &labels.labels[..]),
    };
    let (labels, on) = match &modifier.matching {
        None => (&[][..], false),
        Some(tree::LabelModifier::Include(labels)) => (&labels.labels[..], true),
        Some(tree::LabelModifier::Exclude(labels)) => (&labels.labels[..], false),
    };
    let fill = &modifier.fill_values;
    json!({
        "card": card,
        "labels": labels,
        "on": on,
        "include": include,
        "fillValues": { "lhs": fill.lhs, "rhs": fill.rhs },
    })
}

fn millis(duration: std::time::Duration) -> Value {
    json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn offset(offset: Option<&tree::Offset>) -> Value {
    match offset {
        None => json!(0),
        Some(tree::Offset::Pos(duration)) => millis(*duration),
        Some(tree::Offset::Neg(duration)) => {
            json!(-i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
        }
    }
}

fn timestamp(at: Option<&tree::AtModifier>) -> Option<i64> {
    match at {
        Some(tree::AtModifier::At(time)) => super::lower::epoch_millis(*time).ok(),
        _ => None,
    }
}

fn start_or_end(at: Option<&tree::AtModifier>) -> Option<&'static str> {
    match at {
        Some(tree::AtModifier::Start) => Some("start"),
        Some(tree::AtModifier::End) => Some("end"),
        _ => None,
    }
}

fn word(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Vector => "vector",
        ValueType::Scalar => "scalar",
        ValueType::Matrix => "matrix",
        ValueType::String => "string",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_query_is_laid_out_as_prometheus_does() {
        for (text, expected) in [
            ("foo/bar", "foo / bar"),
            ("sum(rate(a_total{x=\"1\"}[5m]))by(job)>0", "sum by (job) (rate(a_total{x=\"1\"}[5m])) > 0"),
            ("up offset -1m30s@start()", "up @ start() offset -1m30s"),
            ("a[300s:]", "a[5m:]"),
        ] {
            assert_eq!(format(text).unwrap(), expected, "{text}");
        }
        assert!(format("sum(").is_err());
        assert!(format("a offset -0").is_err());
        assert!(format("a </ 2").unwrap_err().message.contains("</"));
    }

    #[test]
    fn the_tree_has_the_form_of_prometheus() {
        let expected = json!({
            "type": "binaryExpr", "op": "/", "bool": false,
            "matching": {
                "card": "many-to-one", "labels": ["job"], "on": true, "include": ["version"],
                "fillValues": { "lhs": null, "rhs": null },
            },
            "lhs": {
                "type": "aggregation", "op": "topk", "grouping": ["job"], "without": false,
                "param": { "type": "numberLiteral", "val": "3" },
                "expr": {
                    "type": "call",
                    "func": {
                        "name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector",
                    },
                    "args": [{
                        "type": "matrixSelector", "name": "a", "range": 300_000, "offset": 0,
                        "matchers": [
                            { "name": "x", "type": "!~", "value": "1|2" },
                            { "name": "__name__", "type": "=", "value": "a" },
                        ],
                        "timestamp": null, "startOrEnd": null, "anchored": false, "smoothed": false,
                    }],
                },
            },
            "rhs": {
                "type": "parenExpr",
                "expr": {
                    "type": "vectorSelector", "name": "b", "offset": -60_000,
                    "matchers": [{ "name": "__name__", "type": "=", "value": "b" }],
                    "timestamp": 1_500, "startOrEnd": null, "anchored": false, "smoothed": false,
                },
            },
        });
        let text = r#"topk by (job) (3, rate(a{x!~"1|2"}[5m])) / on (job) group_left (version) (b @ 1.5 offset -1m)"#;
        assert_eq!(syntax_tree(text).unwrap(), expected);
    }

    #[test]
    fn matching_is_told_only_between_vectors() {
        assert_eq!(syntax_tree("a * 2").unwrap()["matching"], Value::Null);
        assert_eq!(syntax_tree("a and b").unwrap()["matching"]["card"], "many-to-many");
        let tree = syntax_tree(r#"count_values("v", -a[1h:] @ end())"#);
        assert!(tree.is_err());
        let tree = syntax_tree(r#"max_over_time((-a)[1h:1m] @ end())"#).unwrap();
        let subquery = &tree["args"][0];
        assert_eq!((&subquery["step"], &subquery["startOrEnd"]), (&json!(60_000), &json!("end")));
        assert_eq!(subquery["expr"]["expr"]["op"], "-");
    }
}
