//! Comparison, length and elements, as `text/template` has them.

use std::cmp::Ordering;

use super::functions::Item;

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub(super) fn equal_to_any(one: &Item, others: &[Item]) -> Result<bool, String> {
    for other in others {
        let is_equal = match (one, other) {
            (Item::Bool(one), Item::Bool(other)) => one == other,
            (Item::Int(one), Item::Int(other)) => one == other,
            (Item::Float(one), Item::Float(other)) => one == other,
            (Item::Text(one), Item::Text(other)) => one == other,
            (Item::Nil, Item::Nil) => true,
            (Item::Nil, _) | (_, Item::Nil) => false,
            (Item::Map(_) | Item::List(_) | Item::Sample(_) | Item::Data, _) => {
                return Err("error calling eq: non-comparable type".to_owned());
            }
            _ => return Err("error calling eq: incompatible types for comparison".to_owned()),
        };
        if is_equal {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn is_ordered(order: Order, one: &Item, other: &Item) -> Result<bool, String> {
    let ordering = match (one, other) {
        (Item::Int(one), Item::Int(other)) => Some(one.cmp(other)),
        (Item::Float(one), Item::Float(other)) => one.partial_cmp(other),
        (Item::Text(one), Item::Text(other)) => Some(one.cmp(other)),
        (Item::Int(_) | Item::Float(_) | Item::Text(_), Item::Int(_) | Item::Float(_) | Item::Text(_)) => {
            return Err("incompatible types for comparison".to_owned());
        }
        _ => return Err("invalid type for comparison".to_owned()),
    };
    // Nothing is ordered beside NaN.
    let Some(ordering) = ordering else { return Ok(matches!(order, Order::Greater | Order::GreaterOrEqual)) };
    Ok(match order {
        Order::Less => ordering == Ordering::Less,
        Order::LessOrEqual => ordering != Ordering::Greater,
        Order::Greater => ordering == Ordering::Greater,
        Order::GreaterOrEqual => ordering != Ordering::Less,
    })
}

pub(super) fn length(item: &Item) -> Result<i64, String> {
    Ok(match item {
        Item::Text(text) => text.len(),
        Item::Map(map) => map.len(),
        Item::List(list) => list.len(),
        other => return Err(format!("error calling len: len of type {}", other.kind())),
    } as i64)
}

pub(super) fn index(item: &Item, keys: &[Item]) -> Result<Item, String> {
    keys.iter().try_fold(item.clone(), |item, key| match (&item, key) {
        (Item::Map(map), Item::Text(name)) => Ok(map.get(name)),
        (Item::List(list), Item::Int(at)) => at_of(list, *at),
        (Item::Text(text), Item::Int(at)) => at_of(text.as_bytes(), *at).map(|byte| Item::Int(byte.into())),
        (other, key) => {
            Err(format!("error calling index: can't index item of type {} with {}", other.kind(), key.kind()))
        }
    })
}

fn at_of<T: Clone>(list: &[T], at: i64) -> Result<T, String> {
    let found = usize::try_from(at).ok().and_then(|at| list.get(at));
    found.cloned().ok_or_else(|| format!("error calling index: index out of range: {at}"))
}

pub(super) fn slice(item: &Item, bounds: &[Item]) -> Result<Item, String> {
    let bound = |at: usize, otherwise: usize| match bounds.get(at) {
        None => Ok(otherwise),
        Some(Item::Int(bound)) => usize::try_from(*bound).map_err(|_| out_of_range(*bound)),
        Some(other) => {
            Err(format!("error calling slice: cannot index slice/array with type {}", other.kind()))
        }
    };
    let length = length(item)? as usize;
    let (start, end) = (bound(0, 0)?, bound(1, length)?);
    match item {
        Item::Text(text) => text
            .get(start..end)
            .map(|part| Item::Text(part.to_owned()))
            .ok_or_else(|| out_of_range(end as i64)),
        Item::List(list) => {
            list.get(start..end).map(|part| Item::List(part.into())).ok_or_else(|| out_of_range(end as i64))
        }
        other => Err(format!("error calling slice: can't slice item of type {}", other.kind())),
    }
}

fn out_of_range(at: i64) -> String {
    format!("error calling slice: index out of range: {at}")
}
