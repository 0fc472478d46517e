//! Names with their positions, found without hashing and mostly without looking at the text of the names.

/// Sorted by the marks of the names and then by the names.
#[derive(Debug, Default)]
pub(crate) struct NameIndex<'a>(Vec<Entry<'a>>);

#[derive(Debug)]
struct Entry<'a> {
    mark: u64,
    name: &'a str,
    position: usize,
}

impl<'a> NameIndex<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<usize> {
        self.search(name).ok().map(|at| self.0[at].position)
    }

    /// A name that is there already gets the new position.
    pub(crate) fn insert(&mut self, name: &'a str, position: usize) {
        match self.search(name) {
            Ok(at) => self.0[at].position = position,
            Err(at) => self.0.insert(at, Entry { mark: mark(name), name, position }),
        }
    }

    fn search(&self, name: &str) -> Result<usize, usize> {
        let wanted = mark(name);
        self.0.binary_search_by(|entry| entry.mark.cmp(&wanted).then_with(|| entry.name.cmp(name)))
    }
}

/// A number that few names share: made of both ends of the name and its length.
fn mark(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let ends = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(24),
        _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
            }
            _ => bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        },
    };
    ends ^ (bytes.len() as u64) << 59
}

#[cfg(test)]
mod tests {
    use super::NameIndex;

    #[test]
    fn names_that_begin_alike_are_told_apart_and_the_last_position_counts() {
        let all =
            ["environment", "environment_name", "environments", "env", "", "nv", "e\u{0}nv", "\u{0}env", "region"];
        let mut names = NameIndex::default();
        for (position, name) in all.iter().enumerate() {
            assert_eq!(names.get(name), None);
            names.insert(name, position);
        }
        for (position, name) in all.iter().enumerate() {
            assert_eq!(names.get(name), Some(position), "{name:?}");
        }
        names.insert("env", 40);
        assert_eq!(names.get("env"), Some(40));
        assert_eq!(names.get("enviro"), None);
    }
}
