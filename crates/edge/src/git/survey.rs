//! What stands in a repository, by name alone: for a first look at one that nobody described yet.

use tiers_core::id::Commit;

use super::error::GitError;
use super::repository::{Repository, lossy, records};

impl Repository {
    /// The repository's name: the last part of its remote's address, or its folder.
    pub fn name(&self) -> String {
        let args = ["config", "--get", "remote.origin.url"];
        let remote = self.git.tell(&self.root, &args).ok().map(|output| lossy(&output));
        let from_remote = remote.as_deref().map(str::trim).and_then(|url| {
            let last = url.trim_end_matches('/').rsplit(['/', ':']).next()?;
            let name = last.trim_end_matches(".git");
            (!name.is_empty()).then(|| name.to_owned())
        });
        let folder = || self.root.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        from_remote.unwrap_or_else(folder)
    }

    /// The bare names of all branches, local and remote, each once.
    ///
    /// Errors: as for any call of git.
    pub fn branches(&self) -> Result<Vec<String>, GitError> {
        let args = ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"];
        let mut names = self.listed(&args)?;
        let remote = ["for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes"];
        names.extend(self.listed(&remote)?.into_iter().filter(|name| name != "HEAD"));
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The names of all tags.
    ///
    /// Errors: as for any call of git.
    pub fn tags(&self) -> Result<Vec<String>, GitError> {
        self.listed(&["for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags"])
    }

    /// The paths of all tracked files; names that are not UTF-8 are left out.
    ///
    /// Errors: as for any call of git.
    pub fn files(&self) -> Result<Vec<String>, GitError> {
        let output = self.git.tell(&self.root, &["ls-files", "-z"])?;
        Ok(records(&output).filter_map(|record| String::from_utf8(record.to_vec()).ok()).collect())
    }

    /// The lines of these files of a commit that match an extended regular expression, each with its path. Paths are from the
    /// repository's root.
    ///
    /// Errors: as for any call of git.
    pub fn lines(&self, commit: &Commit, pattern: &str, paths: &[String]) -> Result<Vec<(String, String)>, GitError> {
        let mut found = Vec::new();
        // As many as a command line surely holds.
        for some in paths.chunks(1_000) {
            // A person's own settings would change the form of the answer.
            let mut args: Vec<&str> = vec!["grep", "--no-line-number", "--no-column", "-z", "-I", "--no-color"];
            args.extend(["--full-name", "-E", "-e", pattern]);
            args.extend([commit.as_str(), "--"]);
            args.extend(some.iter().map(String::as_str));
            let answer = self.git.ask(&self.root, &args, Vec::new())?;
            match answer.status.code() {
                Some(0) => {}
                // Nothing matches.
                Some(1) => continue,
                _ => return Err(answer.failed(&args[..8])),
            }
            let prefix = format!("{commit}:");
            let text = lossy(&answer.output);
            found.extend(text.lines().filter_map(|line| {
                let (path, line) = line.split_once('\0')?;
                Some((path.strip_prefix(&prefix)?.to_owned(), line.to_owned()))
            }));
        }
        Ok(found)
    }

    fn listed(&self, args: &[&str]) -> Result<Vec<String>, GitError> {
        let output = self.git.tell(&self.root, args)?;
        Ok(lossy(&output).lines().map(str::to_owned).collect())
    }
}
