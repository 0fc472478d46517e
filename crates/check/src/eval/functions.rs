//! Terraform's functions over collections, numbers and types. Those over text stand in `text_functions`.
//!
//! A function that is not listed, and one that reads files, time or chance, gives [`Value::Unknown`].

use std::rc::Rc;

use super::convert::{Type, convert, sort_and_dedup};
use super::entries::Entries;
use super::value::Value;
use super::{Failure, Outcome, text_functions};

/// `range` and `setproduct` never make more than this here; what would be longer is not known.
const MAX_ITEMS: usize = 4096;

/// Calls a function whose arguments are evaluated. `try`, `can` and the rest that look at expressions are the caller's.
pub(super) fn call<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    match name {
        "merge" => merge(args),
        "concat" => concat(args),
        "coalesce" => coalesce(args),
        "coalescelist" => coalesce_list(args),
        "lookup" => lookup(args),
        "contains" => contains(args),
        "length" => length(args),
        "keys" | "values" => entries(name, args),
        "zipmap" => zipmap(args),
        "flatten" => flatten(args),
        "compact" => compact(args),
        "distinct" | "toset" | "sort" | "tolist" | "list" | "reverse" => list_to_list(name, args),
        "setunion" | "setintersection" | "setsubtract" => sets(name, args),
        "element" => element(args),
        "slice" => slice(args),
        "index" => index(args),
        "one" => one(args),
        "alltrue" | "anytrue" => truth(name, args),
        "range" => range(args),
        "map" => legacy_map(args),
        "chunklist" | "transpose" | "matchkeys" | "setproduct" => Ok(Value::Unknown),
        "min" | "max" | "sum" | "abs" | "ceil" | "floor" | "pow" | "signum" => numbers(name, args),
        "tostring" => to_type(args, &Type::Str),
        "tonumber" => to_type(args, &Type::Number),
        "tobool" => to_type(args, &Type::Bool),
        "tomap" => to_type(args, &Type::Map(Box::new(Type::Any))),
        "nonsensitive" | "sensitive" | "issensitive_value" => Ok(args.first().cloned().unwrap_or(Value::Unknown)),
        _ => text_functions::call(name, args),
    }
}

fn to_type<'a>(args: &[Value<'a>], kind: &Type<'a>) -> Outcome<'a> {
    convert(args.first().cloned().unwrap_or(Value::Unknown), kind).map_err(|_| Failure)
}

fn merge<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let mut out: Option<Rc<Entries<'a>>> = None;
    for arg in args {
        match arg {
            Value::Unknown => return Ok(Value::Unknown),
            Value::Null => {}
            Value::Map(entries) => {
                out = Some(match out {
                    Some(below) if entries.is_empty() => below,
                    Some(below) if !below.is_empty() => Rc::new(below.overlaid(entries)),
                    _ => Rc::clone(entries),
                });
            }
            _ => return Err(Failure),
        }
    }
    Ok(Value::Map(out.unwrap_or_default()))
}

fn concat<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let mut out = Vec::new();
    for arg in args {
        match arg {
            Value::Unknown => return Ok(Value::Unknown),
            Value::List(items) => out.extend(items.iter().cloned()),
            _ => return Err(Failure),
        }
    }
    Ok(Value::list(out))
}

/// The first that is neither null nor an empty string.
fn coalesce<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    for arg in args {
        match arg {
            Value::Unknown => return Ok(Value::Unknown),
            Value::Null => {}
            Value::Str(text) if text.is_empty() => {}
            found => return Ok(found.clone()),
        }
    }
    Err(Failure)
}

fn coalesce_list<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    for arg in args {
        match arg {
            Value::Unknown => return Ok(Value::Unknown),
            found if !found.is_empty() => return Ok(found.clone()),
            _ => {}
        }
    }
    Err(Failure)
}

fn lookup<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match (args.first(), args.get(1).and_then(Value::to_text)) {
        (Some(Value::Map(entries)), Some(key)) => match entries.get(&key) {
            Some(value) => Ok(value.clone()),
            None => args.get(2).cloned().ok_or(Failure),
        },
        _ => Ok(Value::Unknown),
    }
}

fn contains<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (Some(Value::List(items)), Some(needle)) = (args.first(), args.get(1)) else { return Ok(Value::Unknown) };
    let mut unknown = needle.is_unknown();
    for item in items.iter() {
        match item.equals(needle) {
            Some(true) => return Ok(Value::Bool(true)),
            Some(false) => {}
            None => unknown = true,
        }
    }
    if unknown && !items.is_empty() { Ok(Value::Unknown) } else { Ok(Value::Bool(false)) }
}

fn length<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args.first() {
        Some(Value::List(items)) => Ok(Value::Number(items.len() as f64)),
        Some(Value::Map(entries)) => Ok(Value::Number(entries.len() as f64)),
        Some(Value::Str(text)) => Ok(Value::Number(text.chars().count() as f64)),
        Some(Value::Unknown) | None => Ok(Value::Unknown),
        Some(_) => Err(Failure),
    }
}

fn entries<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    match args.first() {
        Some(Value::Map(entries)) if name == "keys" => {
            Ok(Value::list(entries.keys().map(|key| Value::Str(key.clone())).collect()))
        }
        Some(Value::Map(entries)) => Ok(Value::list(entries.values().cloned().collect())),
        Some(Value::Unknown) | None => Ok(Value::Unknown),
        Some(_) => Err(Failure),
    }
}

fn zipmap<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (Some(Value::List(keys)), Some(Value::List(values))) = (args.first(), args.get(1)) else {
        return Ok(Value::Unknown);
    };
    let mut out = Vec::new();
    for (key, value) in keys.iter().zip(values.iter()) {
        let Some(key) = key.to_text() else { return Ok(Value::Unknown) };
        out.push((key, value.clone()));
    }
    Ok(Value::map(Entries::new(out)))
}

fn flatten<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    fn into<'a>(items: &[Value<'a>], out: &mut Vec<Value<'a>>) -> bool {
        items.iter().all(|item| match item {
            Value::Unknown => false,
            Value::List(inner) => into(inner, out),
            other => {
                out.push(other.clone());
                true
            }
        })
    }
    let Some(Value::List(items)) = args.first() else { return Ok(Value::Unknown) };
    let mut out = Vec::new();
    if into(items, &mut out) { Ok(Value::list(out)) } else { Ok(Value::Unknown) }
}

fn compact<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some(Value::List(items)) = args.first() else { return Ok(Value::Unknown) };
    if items.iter().any(Value::is_unknown) {
        return Ok(Value::Unknown);
    }
    Ok(Value::list(items.iter().filter(|item| !item.is_empty()).cloned().collect()))
}

fn list_to_list<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    if name == "list" {
        return Ok(Value::list(args.to_vec()));
    }
    let Some(Value::List(items)) = args.first() else { return Ok(Value::Unknown) };
    let mut items = items.to_vec();
    match name {
        "reverse" => items.reverse(),
        "tolist" => {}
        _ if items.iter().any(Value::is_unknown) => return Ok(Value::Unknown),
        "sort" if items.iter().all(|item| item.as_str().is_some()) => items.sort_by(|a, b| a.as_str().cmp(&b.as_str())),
        "sort" => return Ok(Value::Unknown),
        "toset" => sort_and_dedup(&mut items),
        _ => {
            let mut seen: Vec<Value<'a>> = Vec::with_capacity(items.len());
            for item in items {
                if !seen.contains(&item) {
                    seen.push(item);
                }
            }
            return Ok(Value::list(seen));
        }
    }
    Ok(Value::list(items))
}

fn sets<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    let mut lists = Vec::new();
    for arg in args {
        match arg {
            Value::List(items) if items.iter().all(Value::is_known) => lists.push(items),
            _ => return Ok(Value::Unknown),
        }
    }
    let Some((first, rest)) = lists.split_first() else { return Ok(Value::Unknown) };
    let mut out: Vec<Value<'a>> = first.to_vec();
    match name {
        "setunion" => out.extend(rest.iter().flat_map(|items| items.iter().cloned())),
        "setintersection" => out.retain(|item| rest.iter().all(|items| items.contains(item))),
        _ => out.retain(|item| !rest.iter().any(|items| items.contains(item))),
    }
    sort_and_dedup(&mut out);
    Ok(Value::list(out))
}

fn element<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match (args.first(), args.get(1)) {
        (Some(Value::List(items)), Some(Value::Number(at))) if !items.is_empty() && *at >= 0.0 => {
            Ok(items[*at as usize % items.len()].clone())
        }
        (Some(Value::List(items)), Some(Value::Number(_))) if items.is_empty() => Err(Failure),
        _ => Ok(Value::Unknown),
    }
}

fn slice<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (Some(Value::List(items)), Some(Value::Number(from)), Some(Value::Number(to))) =
        (args.first(), args.get(1), args.get(2))
    else {
        return Ok(Value::Unknown);
    };
    match items.get(*from as usize..*to as usize) {
        Some(part) if *from >= 0.0 => Ok(Value::list(part.to_vec())),
        _ => Err(Failure),
    }
}

fn index<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (Some(Value::List(items)), Some(needle)) = (args.first(), args.get(1)) else { return Ok(Value::Unknown) };
    for (position, item) in items.iter().enumerate() {
        match item.equals(needle) {
            Some(true) => return Ok(Value::Number(position as f64)),
            Some(false) => {}
            None => return Ok(Value::Unknown),
        }
    }
    Err(Failure)
}

fn one<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    match args.first() {
        Some(Value::List(items)) if items.is_empty() => Ok(Value::Null),
        Some(Value::List(items)) if items.len() == 1 => Ok(items[0].clone()),
        Some(Value::List(_)) => Err(Failure),
        _ => Ok(Value::Unknown),
    }
}

fn truth<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    let Some(Value::List(items)) = args.first() else { return Ok(Value::Unknown) };
    let decisive = name == "anytrue";
    let is = |item: &Value<'_>| match item {
        Value::Bool(value) => Some(*value),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    };
    if items.iter().any(|item| is(item) == Some(decisive)) {
        return Ok(Value::Bool(decisive));
    }
    if items.iter().any(|item| is(item).is_none()) { Ok(Value::Unknown) } else { Ok(Value::Bool(!decisive)) }
}

fn range<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let mut numbers = Vec::new();
    for arg in args {
        match arg {
            Value::Number(number) => numbers.push(*number),
            _ => return Ok(Value::Unknown),
        }
    }
    let (from, to, step) = match numbers[..] {
        [to] => (0.0, to, if to < 0.0 { -1.0 } else { 1.0 }),
        [from, to] => (from, to, if to < from { -1.0 } else { 1.0 }),
        [from, to, step] if step != 0.0 => (from, to, step),
        _ => return Err(Failure),
    };
    let count = ((to - from) / step).ceil().max(0.0);
    if count > MAX_ITEMS as f64 {
        return Ok(Value::Unknown);
    }
    Ok(Value::list((0..count as usize).map(|index| Value::Number(from + step * index as f64)).collect()))
}

fn legacy_map<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let mut out = Vec::new();
    for pair in args.chunks(2) {
        match (pair.first().and_then(Value::to_text), pair.get(1)) {
            (Some(key), Some(value)) => out.push((key, value.clone())),
            _ => return Ok(Value::Unknown),
        };
    }
    Ok(Value::map(Entries::new(out)))
}

fn numbers<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    let listed: &[Value<'a>] = match args.first() {
        Some(Value::List(items)) if name == "sum" => items,
        _ => args,
    };
    let mut numbers = Vec::with_capacity(listed.len());
    for value in listed {
        match convert(value.clone(), &Type::Number) {
            Ok(Value::Number(number)) => numbers.push(number),
            Ok(_) => return Ok(Value::Unknown),
            Err(_) => return Err(Failure),
        }
    }
    let Some(first) = numbers.first().copied() else { return Err(Failure) };
    Ok(Value::Number(match name {
        "min" => numbers.iter().copied().fold(first, f64::min),
        "max" => numbers.iter().copied().fold(first, f64::max),
        "sum" => numbers.iter().sum(),
        "abs" => first.abs(),
        "ceil" => first.ceil(),
        "floor" => first.floor(),
        "signum" if first == 0.0 => 0.0,
        "signum" => first.signum(),
        _ => match numbers.get(1) {
            Some(exponent) => first.powf(*exponent),
            None => return Err(Failure),
        },
    }))
}
