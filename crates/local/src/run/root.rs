//! Paths of an image, found in the folder that it was unpacked to: there is no chroot, so `/var/task/app` has to become a path
//! below that folder, through the image's own links.

use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};

/// As the kernel does: more links than this are a loop.
const MOST_LINKS: usize = 40;

/// The real place of an absolute path of the image, links followed as they would be inside it; never outside `root`.
/// `None` when it does not exist there, or its links go round in circles.
pub(crate) fn resolve(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut pending: VecDeque<PathBuf> = parts(path);
    let mut inside: Vec<PathBuf> = Vec::new();
    let mut links = 0;
    while let Some(part) = pending.pop_front() {
        if part.as_os_str() == ".." {
            // At the top, `..` stays at the top, as in a real root.
            inside.pop();
            continue;
        }
        let here = inside.iter().fold(root.to_owned(), |all, part| all.join(part)).join(&part);
        let found = here.symlink_metadata().ok()?;
        if !found.is_symlink() {
            inside.push(part);
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return None;
        }
        let target = here.read_link().ok()?;
        // Absolute links were rewritten when the image was unpacked; one that is absolute and below the root is such a one.
        let target = match target.strip_prefix(root) {
            Ok(below) => Path::new("/").join(below),
            Err(_) => target,
        };
        if target.is_absolute() {
            inside.clear();
        }
        for part in parts(&target).into_iter().rev() {
            pending.push_front(part);
        }
    }
    Some(inside.iter().fold(root.to_owned(), |all, part| all.join(part)))
}

fn parts(path: &Path) -> VecDeque<PathBuf> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(PathBuf::from(name)),
            Component::ParentDir => Some(PathBuf::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn paths_stay_in_the_root_whatever_links_say() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        fs::create_dir_all(root.join("var/task/bin")).expect("folders");
        fs::write(root.join("var/task/bin/app"), b"x").expect("a file");
        symlink("/var/task/bin", root.join("opt")).expect("an absolute link");
        symlink("../task/bin/app", root.join("var/task/app")).expect("a relative link");
        symlink("/../../../../etc", root.join("out")).expect("a link that climbs");
        symlink("loop", root.join("loop")).expect("a loop");
        symlink(root.join("var"), root.join("rewritten")).expect("a link as unpacking writes it");
        let check = |path: &str, wanted: Option<&str>| {
            assert_eq!(resolve(root, Path::new(path)), wanted.map(|w| root.join(w)), "{path}");
        };
        check("/var/task/bin/app", Some("var/task/bin/app"));
        check("/opt/app", Some("var/task/bin/app"));
        check("/var/task/app", Some("var/task/bin/app"));
        check("/var/../../../var/task/app", Some("var/task/bin/app"));
        check("/rewritten/task/app", Some("var/task/bin/app"));
        check("/out/passwd", None);
        check("/out", None);
        check("/loop", None);
        check("/missing", None);
        check("/", Some(""));
    }
}
