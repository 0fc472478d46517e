//! Commits, branches and tags, and how they stand to each other.

use tiers_core::id::Commit;

use super::error::GitError;
use super::repository::Repository;

/// What a commit says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    pub id: Commit,
    pub tree: String,
    pub parents: Vec<Commit>,
    pub author: String,
    pub author_email: String,
    /// When it was written, in seconds since 1970; a rebase keeps it.
    pub authored_at_s: i64,
    /// When it was committed, in seconds since 1970.
    pub committed_at_s: i64,
    /// The first line of the message.
    pub subject: String,
}

/// Where a branch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchTip {
    pub commit: Commit,
    /// The full name of the ref that says so, `refs/heads/main` or `refs/remotes/origin/main`.
    pub reference: String,
}

impl Repository {
    /// What a commit says about itself.
    ///
    /// Errors: as for any call of git.
    pub fn commit(&self, commit: &Commit) -> Result<CommitInfo, GitError> {
        let format = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%ct%x00%s";
        let args = ["log", "-1", "--no-show-signature", "--no-mailmap", "--encoding=UTF-8", format, commit.as_str()];
        let output = self.git.tell(&self.root, &args)?;
        let text = String::from_utf8_lossy(&output);
        let fields: Vec<&str> = text.trim_end_matches('\n').split('\0').collect();
        let [id, tree, parents, author, author_email, authored, committed, subject] = fields.as_slice() else {
            return Err(GitError::Unexpected { command: args.join(" "), why: text.into_owned() });
        };
        let seconds = |digits: &str| {
            let why = || GitError::Unexpected { command: args.join(" "), why: format!("`{digits}` is no time") };
            digits.parse::<i64>().map_err(|_| why())
        };
        Ok(CommitInfo {
            id: Commit::from(*id),
            tree: (*tree).to_owned(),
            parents: parents.split(' ').filter(|id| !id.is_empty()).map(Commit::from).collect(),
            author: (*author).to_owned(),
            author_email: (*author_email).to_owned(),
            authored_at_s: seconds(authored)?,
            committed_at_s: seconds(committed)?,
            subject: (*subject).to_owned(),
        })
    }

    /// Where a branch stands, by its plain name. The remote's view is preferred, since that is what was pushed; a checkout of
    /// a tag or a commit has no local branches at all.
    ///
    /// Errors: [`GitError::UnknownRevision`].
    pub fn branch(&self, name: &str) -> Result<BranchTip, GitError> {
        let mut remotes = self.remotes();
        remotes.sort_by_key(|remote| remote != "origin");
        let references = remotes.iter().map(|remote| format!("refs/remotes/{remote}/{name}"));
        for reference in references.chain([format!("refs/heads/{name}")]) {
            if let Some(commit) = self.try_resolve(&reference)? {
                return Ok(BranchTip { commit, reference });
            }
        }
        let hint = match remotes.first() {
            Some(remote) => format!("; there is no such branch here or at {remote}: `git fetch {remote} {name}`"),
            None => "; there is no such branch, and the repository has no remote".to_owned(),
        };
        Err(GitError::UnknownRevision { revision: name.to_owned(), hint })
    }

    /// The branch that is checked out, or `None` in a checkout of a tag or a commit.
    ///
    /// Errors: as for any call of git.
    pub fn current_branch(&self) -> Result<Option<String>, GitError> {
        let args = ["symbolic-ref", "--quiet", "HEAD"];
        let answer = self.git.ask(&self.root, &args, Vec::new())?;
        match answer.status.code() {
            Some(0) => {
                let name = self.line(&args, &answer.output)?;
                Ok(name.strip_prefix("refs/heads/").map(str::to_owned))
            }
            Some(1) => Ok(None),
            _ => Err(answer.failed(&args)),
        }
    }

    /// The tags that mean exactly this commit, annotated ones too.
    ///
    /// Errors: as for any call of git.
    pub fn tags_at(&self, commit: &Commit) -> Result<Vec<String>, GitError> {
        self.names("--points-at", commit, &["refs/tags"])
    }

    /// The tags whose history holds this commit.
    ///
    /// Errors: as for any call of git. In a shallow clone tags may be missing from the list.
    pub fn tags_containing(&self, commit: &Commit) -> Result<Vec<String>, GitError> {
        self.names("--contains", commit, &["refs/tags"])
    }

    /// The branches that stand exactly at this commit, local ones by their name, others as `origin/main`.
    ///
    /// Errors: as for any call of git.
    pub fn branches_at(&self, commit: &Commit) -> Result<Vec<String>, GitError> {
        self.names("--points-at", commit, &["refs/heads", "refs/remotes"])
    }

    /// The branches whose history holds this commit, named as in [`Repository::branches_at`].
    ///
    /// Errors: as for any call of git. In a shallow clone branches may be missing from the list.
    pub fn branches_containing(&self, commit: &Commit) -> Result<Vec<String>, GitError> {
        self.names("--contains", commit, &["refs/heads", "refs/remotes"])
    }

    fn names(&self, relation: &str, commit: &Commit, below: &[&str]) -> Result<Vec<String>, GitError> {
        let relation = format!("{relation}={}", commit.as_str());
        let mut args = vec!["for-each-ref", &relation, "--format=%(symref)%00%(refname)"];
        args.extend(below);
        let output = self.git.tell(&self.root, &args)?;
        let mut names = Vec::new();
        for line in String::from_utf8_lossy(&output).lines() {
            let Some((symbolic, name)) = line.split_once('\0') else {
                return Err(GitError::Unexpected { command: args.join(" "), why: line.to_owned() });
            };
            // `origin/HEAD` is another branch under a second name.
            if symbolic.is_empty() {
                names.push(name.splitn(3, '/').last().unwrap_or(name).to_owned());
            }
        }
        Ok(names)
    }

    /// Whether `ancestor` is in the history of `descendant`, or is it.
    ///
    /// Errors: [`GitError::Shallow`] where the history ends before that is known.
    pub fn is_ancestor(&self, ancestor: &Commit, descendant: &Commit) -> Result<bool, GitError> {
        let args = ["merge-base", "--is-ancestor", ancestor.as_str(), descendant.as_str()];
        let answer = self.git.ask(&self.root, &args, Vec::new())?;
        match answer.status.code() {
            Some(0) => Ok(true),
            Some(1) if self.is_shallow()? => {
                let question = format!("whether {ancestor} is a part of {descendant}");
                Err(GitError::Shallow { question })
            }
            Some(1) => Ok(false),
            _ => Err(answer.failed(&args)),
        }
    }

    /// The newest commit that both histories hold, or `None` where they have nothing in common.
    ///
    /// Errors: [`GitError::Shallow`] where the history ends before that is known.
    pub fn merge_base(&self, one: &Commit, other: &Commit) -> Result<Option<Commit>, GitError> {
        let args = ["merge-base", one.as_str(), other.as_str()];
        let answer = self.git.ask(&self.root, &args, Vec::new())?;
        match answer.status.code() {
            Some(0) => Ok(Some(Commit(self.line(&args, &answer.output)?))),
            Some(1) if self.is_shallow()? => {
                Err(GitError::Shallow { question: format!("where {one} and {other} parted") })
            }
            Some(1) => Ok(None),
            _ => Err(answer.failed(&args)),
        }
    }
}
