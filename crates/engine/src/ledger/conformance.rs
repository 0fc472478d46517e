//! What every [`Log`] must do, as one suite that each implementation is put through. It panics at the first promise that is broken.

use std::rc::Rc;

use bytes::Bytes;
use futures::future::join_all;

use crate::port::log::{Create, Log};

/// More than one page of an S3 listing, which has 1,000 keys.
const MANY: usize = 1100;
const WRITERS: usize = 8;

/// Runs the whole suite. `new_log` gives an empty log at each call.
pub async fn check(new_log: &dyn Fn() -> Rc<dyn Log>) {
    an_empty_log_holds_nothing(&*new_log()).await;
    what_was_created_is_read_whole(&*new_log()).await;
    the_second_create_of_a_key_finds_it_there(&*new_log()).await;
    of_creates_at_once_one_wins(&*new_log()).await;
    the_first_key_is_the_least_below_its_prefix(&*new_log()).await;
    folders_are_named_once_and_in_order(&*new_log()).await;
    many_keys_are_listed_in_order(&*new_log()).await;
}

async fn create(log: &dyn Log, key: &str, text: &str) -> Create {
    log.create(key, Bytes::copy_from_slice(text.as_bytes())).await
}

async fn put(log: &dyn Log, key: &str) {
    assert_eq!(create(log, key, key).await, Create::Created, "{key} in {}", log.describe());
}

async fn first(log: &dyn Log, prefix: &str) -> Option<String> {
    log.first(prefix).await.expect("a log that can be reached answers")
}

async fn list(log: &dyn Log, prefix: &str) -> Vec<String> {
    log.list(prefix).await.expect("a log that can be reached answers")
}

async fn folders(log: &dyn Log, prefix: &str) -> Vec<String> {
    log.folders(prefix).await.expect("a log that can be reached answers")
}

async fn an_empty_log_holds_nothing(log: &dyn Log) {
    assert_eq!(log.read("a/b/c.json").await, Ok(None));
    assert_eq!(first(log, "a/b/").await, None);
    assert_eq!(list(log, "").await, Vec::<String>::new());
    assert_eq!(folders(log, "").await, Vec::<String>::new());
    assert!(!log.describe().is_empty(), "a log says where it lies");
}

async fn what_was_created_is_read_whole(log: &dyn Log) {
    let large: Vec<u8> = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
    for (key, bytes) in [("a/empty.json", Vec::new()), ("a/line.json", b"{}\n".to_vec()), ("a/large.json", large)] {
        let bytes = Bytes::from(bytes);
        assert_eq!(log.create(key, bytes.clone()).await, Create::Created, "{key}");
        assert!(log.read(key).await == Ok(Some(bytes)), "{key} is read as it was created");
    }
    assert!(!matches!(log.read("a").await, Ok(Some(_))), "what only begins keys is no object");
}

async fn the_second_create_of_a_key_finds_it_there(log: &dyn Log) {
    assert_eq!(create(log, "a/b.json", "first").await, Create::Created);
    assert_eq!(create(log, "a/b.json", "second").await, Create::Exists);
    assert_eq!(create(log, "a/b.json", "first").await, Create::Exists, "equal content makes no difference");
    assert_eq!(log.read("a/b.json").await, Ok(Some(Bytes::from_static(b"first"))));
}

async fn of_creates_at_once_one_wins(log: &dyn Log) {
    for round in 0..8 {
        let key = format!("race/{round}.json");
        let texts: Vec<String> = (0..WRITERS).map(|writer| format!("writer {writer}")).collect();
        let mut answers = join_all(texts.iter().map(|text| create(log, &key, text))).await;
        // A service may call a race a conflict that says nothing; sending again settles it, as the ledger does.
        for (answer, text) in answers.iter_mut().zip(&texts) {
            for _ in 0..8 {
                if !matches!(answer, Create::Unknown(_)) {
                    break;
                }
                *answer = create(log, &key, text).await;
            }
        }
        let winners: Vec<usize> = (0..WRITERS).filter(|writer| answers[*writer] == Create::Created).collect();
        assert_eq!(winners.len(), 1, "round {round}: {answers:?}");
        let stored = log.read(&key).await.expect("it can be read");
        assert_eq!(stored, Some(Bytes::from(texts[winners[0]].clone())), "round {round}: the winner's bytes lie there");
    }
}

async fn the_first_key_is_the_least_below_its_prefix(log: &dyn Log) {
    for key in ["dev/app/9999999/998.json", "dev/app-two/0000001/000.json", "dev/ap/0000000/000.json", "genesis.json"] {
        put(log, key).await;
    }
    assert_eq!(first(log, "dev/app/").await.as_deref(), Some("dev/app/9999999/998.json"));
    put(log, "dev/app/9999999/997.json").await;
    assert_eq!(first(log, "dev/app/").await.as_deref(), Some("dev/app/9999999/997.json"));
    put(log, "dev/app/9999998/999.json").await;
    assert_eq!(first(log, "dev/app/").await.as_deref(), Some("dev/app/9999998/999.json"));
    assert_eq!(first(log, "dev/other/").await, None);
    let all = ["dev/app/9999998/999.json", "dev/app/9999999/997.json", "dev/app/9999999/998.json"];
    assert_eq!(list(log, "dev/app/").await, all);
}

async fn folders_are_named_once_and_in_order(log: &dyn Log) {
    for key in
        ["prod/b/1/1.json", "prod/a/1/1.json", "dev/a/1/1.json", "prod/a/1/2.json", "prod/loose.json", "genesis.json"]
    {
        put(log, key).await;
    }
    assert_eq!(folders(log, "").await, ["dev", "prod"]);
    assert_eq!(folders(log, "prod/").await, ["a", "b"]);
    assert_eq!(folders(log, "staging/").await, Vec::<String>::new());
}

async fn many_keys_are_listed_in_order(log: &dyn Log) {
    let keys: Vec<String> = (0..MANY).map(|n| format!("dev/app/{:03}/{:03}.json", n / 100, n % 100)).collect();
    for batch in keys.chunks(50) {
        join_all(batch.iter().rev().map(|key| put(log, key))).await;
    }
    assert!(list(log, "dev/app/").await == keys, "all {MANY} keys, in order");
    assert_eq!(list(log, "dev/app/003/").await, keys[300..400]);
    assert_eq!(first(log, "dev/app/").await, keys.first().cloned());
    assert_eq!(folders(log, "dev/app/").await.len(), MANY / 100);
}
