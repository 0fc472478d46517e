//! The entries of a map or an object, sorted by key.
//!
//! Nearly all of them have fewer than a dozen entries and are read far more often than they are made, and one list is one allocation.

use super::value::{Text, Value};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entries<'a>(Vec<(Text<'a>, Value<'a>)>);

impl<'a> Entries<'a> {
    /// Of two equal keys the later one stays.
    pub(crate) fn new(mut pairs: Vec<(Text<'a>, Value<'a>)>) -> Entries<'a> {
        // A stable sort keeps equal keys in their order.
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        pairs.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Entries(pairs)
    }

    /// Both; where both have a key, the value is that of `over`.
    pub(crate) fn overlaid(&self, over: &Entries<'a>) -> Entries<'a> {
        let mut out = Vec::with_capacity(self.len() + over.len());
        let mut below = self.0.iter().peekable();
        for pair in &over.0 {
            while let Some(before) = below.next_if(|(key, _)| *key < pair.0) {
                out.push(before.clone());
            }
            below.next_if(|(key, _)| *key == pair.0);
            out.push(pair.clone());
        }
        out.extend(below.cloned());
        Entries(out)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value<'a>> {
        let found = self.0.binary_search_by(|(known, _)| (**known).cmp(key));
        found.ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (Text<'a>, Value<'a>)> {
        self.0.iter()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Text<'a>> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Value<'a>> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<(Text<'a>, Value<'a>)> for Entries<'a> {
    fn from_iter<I: IntoIterator<Item = (Text<'a>, Value<'a>)>>(pairs: I) -> Self {
        Entries::new(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, Text, Value};

    #[test]
    fn entries_are_found_by_key_and_the_later_of_two_equal_keys_stays() {
        let pair = |key, number| (Text::Borrowed(key), Value::Number(number));
        let entries =
            Entries::new(vec![pair("b", 1.0), pair("a", 2.0), pair("b", 3.0), pair("c", 4.0), pair("b", 5.0)]);
        let keys: Vec<&str> = entries.keys().map(|key| &**key).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert_eq!(entries.get("b"), Some(&Value::Number(5.0)));
        assert_eq!(entries.get("d"), None);
        let over = Entries::new(vec![pair("", 6.0), pair("b", 7.0), pair("d", 8.0)]);
        let both = Entries::new(entries.iter().chain(over.iter()).cloned().collect());
        assert_eq!(entries.overlaid(&over), both);
        assert_eq!(both.len(), 5);
    }
}
