//! Symbolic links in a repository: where a path leads that has links in it. Terraform follows them, so what they lead to is a part
//! of the code as much as what lies there.

/// Links in a row that are followed; the kernel gives up there, too.
const IN_A_ROW: usize = 40;

/// Where a path of the repository leads when links are followed: the path itself where there is none, and the nearest link where one
/// leads out of the repository or round in a circle. `target` tells what a link says, or `None` for what is no link.
pub fn follow(path: &str, target: &dyn Fn(&str) -> Option<String>) -> String {
    let mut path = path.to_owned();
    for _ in 0..IN_A_ROW {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let Some((end, says)) = ends.filter_map(|end| Some((end, target(&path[..end])?))).next() else { return path };
        let folder = path[..end].rsplit_once('/').map_or("", |(folder, _)| folder);
        match inside(folder, &says) {
            Some(leads) => path = format!("{leads}{}", &path[end..]),
            None => return path[..end].to_owned(),
        }
        path = path.trim_matches('/').to_owned();
    }
    path
}

/// Where a path from a folder of the repository leads when it is walked as the kernel walks it: links where they are met, and `..` from
/// where they lead. `None` where it leaves the repository, or follows a link that says a whole path, which is another one on every machine.
pub fn walk(folder: &str, path: &str, target: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut at = String::new();
    let mut left: Vec<String> = path.split('/').rev().chain(folder.split('/').rev()).map(str::to_owned).collect();
    let mut links = 0;
    while let Some(part) = left.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." if at.is_empty() => return None,
            ".." => at.truncate(at.rfind('/').unwrap_or(0)),
            name => {
                let folder = at.len();
                at = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
                let Some(says) = target(&at) else { continue };
                links += 1;
                if says.starts_with('/') || links > IN_A_ROW {
                    return None;
                }
                at.truncate(folder);
                left.extend(says.split('/').rev().map(str::to_owned));
            }
        }
    }
    Some(at)
}

/// A path from a folder, without `.` and `..`; `None` where it leads out of the repository.
fn inside(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_wherever_in_a_path_they_stand_and_never_out_of_the_repository() {
        let links = |path: &str| {
            let says = match path {
                "live" => "infra/live",
                "infra/live/shared.tf" => "../shared.tf",
                "infra/live/mods" => "../../modules",
                "out" => "../elsewhere",
                "absolute" => "/etc",
                "circle" => "round",
                "round" => "circle",
                "top" => ".",
                _ => return None,
            };
            Some(says.to_owned())
        };
        let leads = |path: &str| follow(path, &links);
        assert_eq!(leads("plain/main.tf"), "plain/main.tf");
        assert_eq!(leads("live"), "infra/live");
        assert_eq!(leads("live/shared.tf"), "infra/shared.tf");
        assert_eq!(leads("live/mods/api/main.tf"), "modules/api/main.tf");
        assert_eq!(leads("out/x.tf"), "out");
        assert_eq!(leads("absolute/x"), "absolute");
        assert_eq!(leads("top/live"), "infra/live");
        assert_eq!(leads(""), "");
        assert!(["circle/x", "round/x"].contains(&leads("circle/x").as_str()));
    }

    #[test]
    fn a_path_is_walked_as_the_kernel_walks_it() {
        let links = |path: &str| {
            let says = match path {
                "svc/link" => "../other/y",
                "svc/infra" => "../real",
                "real/v.tfvars" => "../../private/v.tfvars",
                "svc/absolute" => "/etc",
                "circle" => "circle",
                _ => return None,
            };
            Some(says.to_owned())
        };
        let leads = |path: &str| walk("svc/", path, &links);
        let inside = |path: &str| Some(path.to_owned());
        assert_eq!(leads("infra/./main.tf"), inside("real/main.tf"));
        assert_eq!(leads("../infra"), inside("infra"));
        assert_eq!(leads("a//b/../c"), inside("svc/a/c"));
        assert_eq!(leads("link/../x"), inside("other/x"), "`..` is meant from where the link leads");
        assert_eq!((leads("."), walk("", ".", &links)), (inside("svc"), inside("")));
        for out in ["../../outside", "infra/v.tfvars", "absolute/x", "../circle/x"] {
            assert_eq!(leads(out), None, "{out}");
        }
    }
}
