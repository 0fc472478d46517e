//! Terraform's functions over text.

use regex::Regex;

use super::entries::Entries;
use super::value::{Text, Value};
use super::{Failure, Outcome};

pub(super) fn call<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    match name {
        "format" => format_text(args),
        "formatlist" => Ok(Value::Unknown),
        "join" => join(args),
        "split" => split(args),
        "replace" => replace(args),
        "regex" | "regexall" => regex(name, args),
        "substr" => substr(args),
        "startswith" | "endswith" | "strcontains" => text_test(name, args),
        "lower" | "upper" | "title" | "chomp" | "trimspace" | "strrev" => one_text(name, args),
        "trim" | "trimprefix" | "trimsuffix" => trimmed(name, args),
        "jsonencode" => match args.first() {
            Some(value) if value.is_known() => Ok(Value::text(json(value).to_string())),
            _ => Ok(Value::Unknown),
        },
        "parseint" => match (args.first().and_then(Value::to_text), args.get(1)) {
            (Some(text), Some(Value::Number(base))) if (2.0..=36.0).contains(base) => {
                i64::from_str_radix(&text, *base as u32).map(|number| Value::Number(number as f64)).map_err(|_| Failure)
            }
            _ => Ok(Value::Unknown),
        },
        _ => Ok(Value::Unknown),
    }
}

/// The arguments as text, `None` where one is not known.
fn texts<'a>(args: &[Value<'a>]) -> Option<Vec<Text<'a>>> {
    args.iter().map(Value::to_text).collect()
}

fn one_text<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    let Some(text) = args.first().and_then(Value::to_text) else { return Ok(Value::Unknown) };
    Ok(Value::text(match name {
        "lower" => text.to_lowercase(),
        "upper" => text.to_uppercase(),
        "title" => title(&text),
        "chomp" => text.trim_end_matches(['\r', '\n']).to_string(),
        "strrev" => text.chars().rev().collect(),
        _ => text.trim().to_string(),
    }))
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for character in text.chars() {
        if begins {
            out.extend(character.to_uppercase())
        } else {
            out.push(character)
        }
        begins = !(character.is_alphanumeric() || character == '_');
    }
    out
}

fn trimmed<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    let Some([text, cut]) = texts(args).and_then(|texts| <[Text<'a>; 2]>::try_from(texts).ok()) else {
        return Ok(Value::Unknown);
    };
    Ok(Value::text(match name {
        "trim" => text.trim_matches(|character| cut.contains(character)).to_string(),
        "trimprefix" => text.strip_prefix(&*cut).unwrap_or(&text).to_string(),
        _ => text.strip_suffix(&*cut).unwrap_or(&text).to_string(),
    }))
}

fn text_test<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    let Some([text, part]) = texts(args).and_then(|texts| <[Text<'a>; 2]>::try_from(texts).ok()) else {
        return Ok(Value::Unknown);
    };
    Ok(Value::Bool(match name {
        "startswith" => text.starts_with(&*part),
        "endswith" => text.ends_with(&*part),
        _ => text.contains(&*part),
    }))
}

/// `%s`, `%v`, `%d`, `%q`, `%%` and zero-padded widths; any other verb gives an unknown value.
fn format_text<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some((Value::Str(pattern), values)) = args.split_first() else { return Ok(Value::Unknown) };
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut values = values.iter();
    let mut rest: &str = pattern;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(next) = after.strip_prefix('%') {
            out.push('%');
            rest = next;
            continue;
        }
        let flags_end = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
        let Some(verb) = after[flags_end..].chars().next() else { return Err(Failure) };
        let Some(value) = values.next() else { return Err(Failure) };
        let Some(text) = value.to_text() else { return Ok(Value::Unknown) };
        let width: usize = after[..flags_end].parse().unwrap_or(0);
        if width > 256 {
            return Ok(Value::Unknown);
        }
        match verb {
            'd' if after.starts_with('0') => out.push_str(&format!("{:0>width$}", &*text)),
            's' | 'v' | 'd' => out.push_str(&format!("{:>width$}", &*text)),
            'q' => out.push_str(&format!("{:?}", &*text)),
            _ => return Ok(Value::Unknown),
        }
        rest = &after[flags_end + verb.len_utf8()..];
    }
    out.push_str(rest);
    Ok(Value::text(out))
}

fn join<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some((Value::Str(separator), lists)) = args.split_first() else { return Ok(Value::Unknown) };
    let mut parts = Vec::new();
    for list in lists {
        let Value::List(items) = list else { return Ok(Value::Unknown) };
        for item in items.iter() {
            let Some(text) = item.to_text() else { return Ok(Value::Unknown) };
            parts.push(text);
        }
    }
    Ok(Value::text(parts.join(&**separator)))
}

fn split<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some([separator, text]) = texts(args).and_then(|texts| <[Text<'a>; 2]>::try_from(texts).ok()) else {
        return Ok(Value::Unknown);
    };
    if text.is_empty() {
        return Ok(Value::list(vec![]));
    }
    Ok(Value::list(text.split(&*separator).map(|part| Value::text(part.to_string())).collect()))
}

/// A pattern between slashes is a regular expression. Go's and Rust's agree on the syntax; `$1` in the replacement needs care.
fn replace<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let Some([text, pattern, with]) = texts(args).and_then(|texts| <[Text<'a>; 3]>::try_from(texts).ok()) else {
        return Ok(Value::Unknown);
    };
    if pattern.len() > 1 && pattern.starts_with('/') && pattern.ends_with('/') {
        let Ok(regex) = Regex::new(&pattern[1..pattern.len() - 1]) else { return Ok(Value::Unknown) };
        return Ok(Value::text(regex.replace_all(&text, &*with).into_owned()));
    }
    Ok(Value::text(text.replace(&*pattern, &with)))
}

fn regex<'a>(name: &str, args: &[Value<'a>]) -> Outcome<'a> {
    let Some([pattern, text]) = texts(args).and_then(|texts| <[Text<'a>; 2]>::try_from(texts).ok()) else {
        return Ok(Value::Unknown);
    };
    let Ok(regex) = Regex::new(&pattern) else { return Ok(Value::Unknown) };
    let one = |captures: &regex::Captures<'_>| -> Value<'a> {
        if captures.len() == 1 {
            return Value::text(captures[0].to_string());
        }
        let group =
            |index: usize| captures.get(index).map_or(Value::Null, |found| Value::text(found.as_str().to_string()));
        let named: Entries<'a> = regex
            .capture_names()
            .enumerate()
            .filter_map(|(index, name)| Some((Text::from(name?.to_string()), group(index))))
            .collect();
        if named.is_empty() { Value::list((1..captures.len()).map(group).collect()) } else { Value::map(named) }
    };
    if name == "regexall" {
        return Ok(Value::list(regex.captures_iter(&text).map(|captures| one(&captures)).collect()));
    }
    regex.captures(&text).map(|captures| one(&captures)).ok_or(Failure)
}

fn substr<'a>(args: &[Value<'a>]) -> Outcome<'a> {
    let (Some(text), Some(Value::Number(offset)), Some(Value::Number(length))) =
        (args.first().and_then(Value::to_text), args.get(1), args.get(2))
    else {
        return Ok(Value::Unknown);
    };
    let total = text.chars().count();
    let from = if *offset < 0.0 { total.saturating_sub(offset.abs() as usize) } else { *offset as usize };
    let count = if *length < 0.0 { total } else { *length as usize };
    Ok(Value::text(text.chars().skip(from).take(count).collect::<String>()))
}

pub(crate) fn json(value: &Value<'_>) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Unknown | Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => Json::from(*number as i64),
        Value::Number(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Str(text) => Json::String(text.to_string()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.to_string(), json(value))).collect())
        }
    }
}
