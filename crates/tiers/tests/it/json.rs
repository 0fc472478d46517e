//! What `--json` prints, command by command: the shapes that docs/json.md promises. Times, ids, digests and places are replaced,
//! because they differ from run to run; everything else is as printed.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::world::World;

/// The shapes of a project in which a first release serves in dev and staging, and nothing in prod.
fn world() -> World {
    let world = World::shop();
    world.good(&["deploy", "dev"]);
    world.good(&["promote", "staging"]);
    world
}

/// Compares with the committed snapshot.
fn check(name: &str, printed: &Value) {
    assert!(printed["shape"].as_str().is_some_and(|shape| shape.starts_with("tiers.")), "{printed:#}");
    let text = serde_json::to_string_pretty(&redacted(printed.clone(), "")).expect("JSON");
    insta::assert_snapshot!(name, text);
}

/// The value without what differs from run to run.
fn redacted(value: Value, key: &str) -> Value {
    match value {
        Value::Object(members) => {
            let members: Map<String, Value> = members
                .into_iter()
                .map(|(key, member)| {
                    let member = redacted(member, &key);
                    (redacted_text(&key), member)
                })
                .collect();
            Value::Object(members)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| redacted(item, key)).collect()),
        Value::Number(_) if key.ends_with("_ms") || ["uptime_s", "age_s", "pid", "port"].contains(&key) => {
            Value::String(format!("[{key}]"))
        }
        Value::String(_) if ["host", "via", "place", "token"].contains(&key) => Value::String(format!("[{key}]")),
        Value::String(text) if key == "version" && text == env!("CARGO_PKG_VERSION") => {
            Value::String("[program]".to_owned())
        }
        Value::String(text) => Value::String(redacted_text(&text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Hexadecimal words, times, ports and UUIDs in a text.
fn redacted_text(text: &str) -> String {
    if text.parse::<jiff::Timestamp>().is_ok() {
        return "[time]".to_owned();
    }
    let hexadecimal =
        |word: &str| word.len() >= 10 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let mut out = String::new();
    let mut word = String::new();
    for char in text.chars().chain(Some('\n')) {
        if char.is_ascii_alphanumeric() || char == '-' {
            word.push(char);
            continue;
        }
        let (prefix, rest) = match word.split_once('-') {
            Some((prefix, rest)) if prefix.len() == 1 => (format!("{prefix}-"), rest.to_owned()),
            _ => (String::new(), word.clone()),
        };
        let port = out.ends_with("127.0.0.1:") && !word.is_empty();
        match (port, hexadecimal(&rest)) {
            (true, _) => out.push_str("[port]"),
            // Accounts are decimal, and always this one.
            (false, true) if rest != "000000000000" => out.push_str(&format!("{prefix}[hex]")),
            (false, _) => out.push_str(&word),
        }
        word.clear();
        out.push(char);
    }
    out.pop();
    out
}

/// `folder/name.snap` beside this file.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn what_is_printed_has_the_documented_shapes() {
    let world = world();
    let shapes: [(&str, &[&str]); 10] = [
        ("build-known", &["build", "--json"]),
        ("deploy-unchanged", &["deploy", "dev", "--json"]),
        ("status", &["status", "dev", "--json"]),
        ("status-untouched", &["status", "prod", "--json"]),
        ("history", &["history", "--json"]),
        ("trace", &["trace", "HEAD", "--json"]),
        ("verify", &["verify", "dev", "--json"]),
        ("verify-same", &["verify", "--same", "dev", "staging", "--json"]),
        ("ledger-verify", &["ledger", "verify", "--json"]),
        ("local-status", &["local", "status", "--json"]),
    ];
    settings().bind(|| {
        for (name, args) in shapes {
            check(name, &world.good(args).json());
        }
    });
}

#[test]
fn a_plan_and_its_deployment_have_the_documented_shapes() {
    let world = world();
    settings().bind(|| {
        let plan = world.good(&["promote", "prod", "--plan", "--json"]).json();
        check("deploy-plan", &plan);
        assert_eq!(world.head("prod"), Value::Null, "a plan records nothing");
        let done = world.good(&["promote", "prod", "--json"]).json();
        check("deploy-succeeded", &done);
        world.release("second");
        check("build-built", &{
            world.write("site/bootstrap", "#!/bin/sh\n# third\n");
            world.commit("third");
            world.good(&["build", "--json"]).json()
        });
    });
}

#[test]
fn with_json_nothing_else_is_on_standard_output() {
    let world = world();
    world.release("second");
    for args in [&["deploy", "dev"][..], &["rollback", "dev"], &["status"], &["history"], &["verify"], &["local", "up"]]
    {
        let all = [args, &["--json"]].concat();
        let run = world.good(&all);
        run.json();
        assert!(run.out.starts_with("{\n  \"shape\": \"tiers."), "the shape comes first: {run:#?}");
    }
}
