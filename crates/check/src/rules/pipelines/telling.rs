//! Which words of a command tell the environment that it works on.
//!
//! Not every word does: `--set-env-vars NODE_ENV=production` says how a program runs, `europe-docker.pkg.dev` is a host,
//! `>/dev/null` a file, and `dev-portal` a portal for developers.

use crate::command::Command;
use crate::discover::names::{self, Stage};
use crate::discover::usage::{self, is_terraform};

/// Flags whose value names an environment, or something that an environment has one of.
const FLAGS: &[&str] = &[
    "a",
    "app",
    "application-name",
    "backend-config",
    "c",
    "chdir",
    "cluster",
    "config",
    "config-env",
    "config-file",
    "context",
    "d",
    "deployment-group-name",
    "destination",
    "e",
    "env",
    "env-vars-file",
    "environment",
    "environment-name",
    "f",
    "filename",
    "function-name",
    "g",
    "k",
    "kube-context",
    "kubeconfig",
    "kustomize",
    "n",
    "name",
    "namespace",
    "parameter-overrides",
    "params",
    "profile",
    "project",
    "resource-group",
    "s",
    "service",
    "service-arn",
    "set",
    "set-string",
    "slot",
    "stack",
    "stack-name",
    "inventory",
    "stage",
    "state",
    "subscription",
    "task-definition",
    "values",
    "var",
    "var-file",
    "workspace",
];

/// Flags with nothing behind them, so that the next word stands for itself.
const BARE: &[&str] = &[
    "all",
    "allow-unauthenticated",
    "atomic",
    "auto-approve",
    "cleanup-on-fail",
    "create-namespace",
    "debug",
    "delete",
    "force",
    "i",
    "install",
    "no-traffic",
    "q",
    "quiet",
    "reset-values",
    "reuse-values",
    "verbose",
    "wait",
    "y",
    "yes",
];

/// What a setting is called that holds an environment.
const SETTINGS: &[&str] =
    &["env", "environment", "environment_name", "environmentname", "env_name", "envname", "stage"];

/// What is called after what it is for, and not after an environment: a portal for developers, tools of testers.
const THINGS: &[&str] = &[
    "center",
    "console",
    "containers",
    "dashboard",
    "data",
    "docs",
    "hub",
    "kit",
    "manager",
    "ops",
    "platform",
    "portal",
    "runner",
    "server",
    "tool",
    "toolbox",
    "tooling",
    "tools",
    "utils",
    "workbench",
];

/// The words that tell, as they are written.
pub(super) fn words<'c>(command: &'c Command<'_>) -> Vec<&'c str> {
    let mut out: Vec<&str> = Vec::new();
    let mut take = |text: &'c str| out.extend(values(text).filter(|text| !is_plain_flag(text)));
    let mut args = command.args().iter().map(|word| word.text.as_ref()).peekable();
    // The word that kubectl's `set image` is given names the container, and the image.
    let is_image = command.program() == "kubectl" && command.subcommands().take(2).eq(["set", "image"]);
    while let Some(arg) = args.next() {
        if let Some(target) = redirection(arg) {
            if target.is_empty() {
                args.next();
            }
            continue;
        }
        let flag = arg.trim_start_matches('-');
        if flag.len() == arg.len() {
            if !(is_image && arg.contains('=')) {
                take(arg);
            }
            continue;
        }
        // It has two places: production, and all else.
        if matches!(flag, "prod" | "production") && matches!(command.program(), "vercel" | "netlify" | "npx") {
            take(flag);
            continue;
        }
        match flag.split_once('=') {
            Some((name, value)) if FLAGS.contains(&name) => take(value),
            None if FLAGS.contains(&flag) || (flag == "i" && command.program() == "ansible-playbook") => {
                // Several may follow: `--parameter-overrides Stage=prod Size=2`.
                if let Some(value) = args.next_if(|next| !is_plain_flag(next)) {
                    take(value);
                }
            }
            None if BARE.contains(&flag) || is_terraform(command.program()) => {}
            None => {
                args.next_if(|next| !is_plain_flag(next) && redirection(next).is_none());
            }
            Some(_) => {}
        }
    }
    out
}

fn is_plain_flag(text: &str) -> bool {
    text.starts_with('-')
}

/// What stands behind `>`, `2>`, `&>` or `<` in the same word; `None` for any other word.
fn redirection(word: &str) -> Option<&str> {
    let rest = word.trim_start_matches(|first: char| first.is_ascii_digit() || first == '&');
    let target = rest.trim_start_matches(['>', '<']);
    (target.len() < rest.len()).then_some(target)
}

/// The parts of an argument that tell: of `a.env=x,b=y` that of the setting which holds an environment, else all of it.
fn values(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter_map(|part| match part.split_once('=') {
        None => Some(part),
        Some((name, value)) => {
            let last = name.rsplit(['.', ':']).next().unwrap_or(name).to_ascii_lowercase();
            SETTINGS.contains(&last.replace('-', "_").as_str()).then_some(value)
        }
    })
}

/// A text without what variables hold, which nobody knows, and without the names of things that only begin as an environment does.
pub(super) fn plain(text: &str) -> String {
    let mut out = usage::pattern(text);
    let words = names::words(&out);
    let things: Vec<(usize, usize)> = words
        .windows(2)
        .filter(|pair| {
            let ((start, end), (next, after)) = (pair[0], pair[1]);
            let stage = names::stage_of(&out[start..end]).map(|(stage, _)| stage);
            let joined = matches!(&out[end..next], "-" | "_");
            let thing = THINGS.iter().any(|thing| out[next..after].eq_ignore_ascii_case(thing));
            joined && thing && stage.is_some_and(|stage| stage != Stage::Prod)
        })
        .map(|pair| pair[0])
        .collect();
    for (start, end) in things.into_iter().rev() {
        out.replace_range(start..end, "");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{names, plain, words};
    use crate::command::split;

    fn check(text: &str, expected: &[&str]) {
        let commands = split(text, 0);
        let command = commands.first().map(words).unwrap_or_default();
        let strong = |text: &String| {
            names::words(text)
                .iter()
                .any(|(start, end)| matches!(names::stage_of(&text[*start..*end]), Some((_, true))))
        };
        let told: Vec<String> = command.into_iter().map(plain).filter(strong).collect();
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn names_stages_files_and_settings_tell() {
        check("aws lambda update-alias --function-name app-prod --name live", &["app-prod"]);
        check("aws ecs update-service --cluster prod-shop --service=web-staging", &["prod-shop", "web-staging"]);
        check("helm upgrade --install shop-dev ./chart -f values-dev.yaml", &["shop-dev", "values-dev.yaml"]);
        check("kubectl -n shop-qa set image deploy/api-prod api=r/dev:1", &["shop-qa", "deploy/api-prod"]);
        check("terraform -chdir=envs/prod apply -var environment=dev", &["envs/prod", "dev"]);
        check("npx serverless deploy --stage prod --verbose", &["prod"]);
        check("gcloud run deploy shop --image r/a@sha256:1 --project acme-production", &["acme-production"]);
        check("cdk deploy --context stage=prod", &["prod"]);
        check("sam deploy --parameter-overrides Size=2 Stage=prod", &["prod"]);
        check("kubectl apply -k overlays/prod", &["overlays/prod"]);
        check("aws s3 sync dist s3://web-prod", &["s3://web-prod"]);
        check("ansible-playbook -i inventories/production deploy.yml", &["inventories/production"]);
        check("npx vercel deploy --prod", &["prod"]);
        check("kamal deploy -d production", &["production"]);
    }

    #[test]
    fn how_programs_run_hosts_and_files_of_the_machine_do_not() {
        check("gcloud run deploy shop --set-env-vars NODE_ENV=production --image europe-docker.pkg.dev/a/b/c:1", &[]);
        check("helm upgrade shop ./chart --set env.NODE_ENV=production,logger=dev", &[]);
        check("aws lambda update-function-code --function-name f >/dev/null 2>&1", &[]);
        check("aws lambda update-function-code --function-name f > /dev/null", &[]);
        check("aws lambda update-function-code --function-name f &>/dev/null", &[]);
        check("kubectl apply -f - <dev.yaml", &[]);
        check("npx serverless deploy --stage pr-1", &[]);
        check("cdk deploy --context stage=$STAGE", &[]);
        check("aws lambda update-alias --function-name shop-${STAGE} --description 'goes to prod'", &[]);
        check("kubectl -n qa-tools rollout restart deploy/dev-portal", &[]);
        check("helm upgrade --install stage-manager ./charts/stage-manager", &[]);
    }
}
