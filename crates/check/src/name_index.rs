//! Names with their positions, found without hashing and mostly without looking at the text of the names.

use std::cmp::Ordering;

/// Sorted by the marks of the names and then by the names.
#[derive(Debug, Default)]
pub(crate) struct NameIndex<'a> {
    marks: Vec<u64>,
    /// In the same order.
    names: Vec<(&'a str, usize)>,
}

/// So many marks are looked through one after the other: most modules have no more names.
const FEW: usize = 24;

impl<'a> NameIndex<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<usize> {
        self.search(name).ok().map(|at| self.names[at].1)
    }

    /// A name that is there already gets the new position.
    pub(crate) fn insert(&mut self, name: &'a str, position: usize) {
        match self.search(name) {
            Ok(at) => self.names[at].1 = position,
            Err(at) => {
                self.marks.insert(at, mark(name));
                self.names.insert(at, (name, position));
            }
        }
    }

    fn search(&self, name: &str) -> Result<usize, usize> {
        let wanted = mark(name);
        let mut at = match self.marks.len() <= FEW {
            true => self.marks.iter().take_while(|mark| **mark < wanted).count(),
            false => self.marks.partition_point(|mark| *mark < wanted),
        };
        while self.marks.get(at) == Some(&wanted) {
            match self.names[at].0.cmp(name) {
                Ordering::Less => at += 1,
                Ordering::Equal => return Ok(at),
                Ordering::Greater => break,
            }
        }
        Err(at)
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
        let many: Vec<String> = (0..2 * super::FEW).map(|number| format!("variable_{number}_of_many")).collect();
        let all: Vec<&str> = all.into_iter().chain(many.iter().map(String::as_str)).collect();
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
