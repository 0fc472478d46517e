//! Words that are an environment's name and stand for something else where they are: devices, hosts of others, pages to read.

/// What stands in `/dev` on every machine. `/dev/orders` may be the path of a parameter.
const DEVICES: &[&str] = &[
    "console",
    "disk",
    "dri",
    "fd",
    "full",
    "fuse",
    "hugepages",
    "infiniband",
    "kmsg",
    "kvm",
    "mapper",
    "mem",
    "mqueue",
    "net",
    "null",
    "ptmx",
    "pts",
    "random",
    "shm",
    "snd",
    "stderr",
    "stdin",
    "stdout",
    "termination-log",
    "tty",
    "urandom",
    "zero",
];

/// The same with a letter or a number behind them: `sda1`, `xvdf`, `nvme1n1`.
const NUMBERED: &[&str] = &["dm-", "hd", "loop", "md", "nvidia", "nvme", "sd", "tty", "vd", "video", "xvd"];

/// Hosts that no team here runs.
const HOSTS: &[&str] = &[
    "dev.azure.com",
    "dev.mysql.com",
    "dev.to",
    "production.cloudflare.docker.com",
    "ssh.dev.azure.com",
    "test.pypi.org",
    "test.salesforce.com",
    "vsrm.dev.azure.com",
];

/// First words of hosts, and folders, that hold pages for people.
const PAGES: &[&str] =
    &["blob", "confluence", "doc", "docs", "documentation", "help", "playbooks", "runbook", "runbooks", "tree", "wiki"];

/// Whether the word at this place of a text means no environment.
pub(super) fn is_at(text: &str, start: usize, end: usize) -> bool {
    is_device(&text[start..]) && text[..start].ends_with('/') && starts_path(&text[..start - 1])
        || is_host_of_others(text, start)
        || is_page(text, start, end)
}

/// `/dev/…` at the beginning, or behind what parts one path from another.
fn starts_path(before: &str) -> bool {
    before.is_empty() || before.ends_with(['=', ':', ',', '>', '<', '"', '\''])
}

fn is_device(text: &str) -> bool {
    let Some(path) = text.strip_prefix("dev/") else { return false };
    let name = path.split(['/', ':', ',', '"', '\'']).next().unwrap_or_default();
    let numbered = |prefix: &str| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.len() <= 8 && (rest.len() <= 2 || rest.contains(|it: char| it.is_ascii_digit())))
    };
    DEVICES.contains(&name) || path == "log" || NUMBERED.iter().any(|prefix| numbered(prefix))
}

/// The host of an address, and where it begins.
fn host(text: &str) -> Option<(usize, &str)> {
    let start = text.find("://")? + 3;
    let host = text[start..].split(['/', ':', '?', '#']).next().unwrap_or_default();
    Some((start, host))
}

fn is_host_of_others(text: &str, start: usize) -> bool {
    let within = |from: usize, host: &str| (from..from + host.len()).contains(&start);
    match host(text) {
        Some((from, host)) => HOSTS.contains(&host) && within(from, host),
        None => {
            let host = text.split(['/', ':']).next().unwrap_or_default();
            HOSTS.contains(&host) && within(0, host)
        }
    }
}

/// Whether the word is in the path of a page, and not in its host.
fn is_page(text: &str, start: usize, end: usize) -> bool {
    let written = [".md", ".adoc", ".rst"].iter().any(|ending| {
        let rest = &text[end..];
        rest.split(['#', '?']).next().is_some_and(|rest| rest.ends_with(ending))
    });
    let (path, before) = match host(text) {
        Some((from, host)) if start >= from + host.len() => {
            (from + host.len(), host.split('.').next().unwrap_or_default())
        }
        Some(_) => return false,
        None => (0, ""),
    };
    let mut folders = text[path..start].split('/').rev().skip(1);
    written || PAGES.contains(&before) || folders.any(|folder| PAGES.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::is_at;

    fn means_else(text: &str, word: &str) -> bool {
        let start = text.find(word).unwrap_or_default();
        is_at(text, start, start + word.len())
    }

    #[test]
    fn devices_are_no_environments_and_paths_of_parameters_may_be() {
        for device in
            ["/dev/xvdf", "/dev/sda1", "/dev/stdout", "/dev/null", "/dev/nvme1n1", "/dev/mapper/data", "of=/dev/sdb"]
        {
            assert!(means_else(device, "dev"), "{device}");
        }
        for path in
            ["/dev/orders/url", "/dev/sdk-key", "/dev/mdm-settings", "s3://b/dev/null", "/acme/dev/log", "/dev/"]
        {
            assert!(!means_else(path, "dev"), "{path}");
        }
    }

    #[test]
    fn hosts_of_others_and_pages_are_none() {
        for text in ["https://dev.to/acme", "https://dev.azure.com/acme/app", "ssh.dev.azure.com:v3/acme"] {
            assert!(means_else(text, "dev"), "{text}");
        }
        assert!(means_else("https://docs.x.io/production-checklist", "production"));
        assert!(means_else("https://github.com/acme/app/blob/main/prod.tf", "prod"));
        assert!(means_else("runbooks/prod-restore", "prod") && means_else("ops/prod.md#restore", "prod"));
        for text in ["https://docs.prod.x.io/a", "https://prod.x.io/docs", "https://x.io/prod/docs", "docs-prod"] {
            assert!(!means_else(text, "prod"), "{text}");
        }
    }
}
