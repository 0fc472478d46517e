//! `tiers check`: what is wrong between environments, from files alone.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tiers_check::{Report, Severity, baseline, render};

use crate::cli::Global;
use crate::command::checking::{Checking, two_formats};
use crate::command::print;
use crate::fault::{Fault, Outcome};
use crate::render::wrap::columns;

/// Find what is wrong between environments in Terraform and workflows
///
/// Reads the repository (what git does not ignore) and nothing else: no state, no account, no network. tiers.toml is not
/// needed; where there is one, it corrects what was discovered, declares tags and accepts findings. Exits with 1 where
/// something is found that is as severe as `--fail-on` says.
#[derive(Debug, Args)]
pub struct Check {
    /// Report only what is found in these files and folders; the whole repository is looked at all the same
    paths: Vec<PathBuf>,
    /// How the findings are printed; `--json` is `--format json`
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// From which severity on the exit code is 1
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    fail_on: FailOn,
    /// Don't report the findings that this file knows
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write everything that is found into the baseline file, and exit with 0
    #[arg(long)]
    update_baseline: bool,
    /// Print what was taken for what: environments, root modules, their files and backends
    #[arg(long, conflicts_with_all = ["format", "baseline", "update_baseline"])]
    explain_discovery: bool,
    /// Show hints in full, each with its line
    #[arg(long)]
    hints: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// JUnit XML
    Junit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Hint,
    Never,
}

impl FailOn {
    fn fails(self, report: &Report) -> bool {
        match self {
            FailOn::Error => report.fails_on(Severity::Error),
            FailOn::Warning => report.fails_on(Severity::Warning),
            FailOn::Hint => report.fails_on(Severity::Hint),
            FailOn::Never => false,
        }
    }
}

pub fn run(args: &Check, global: &Global) -> Outcome {
    let format = match (args.format, global.json) {
        (None | Some(Format::Json), true) => Format::Json,
        (Some(_), true) => return Err(two_formats()),
        (format, false) => format.unwrap_or(Format::Text),
    };
    let mut checking = Checking::open(global, &args.paths)?;
    if args.explain_discovery {
        let layout = tiers_check::discover(&checking.files.tree, &checking.options);
        print(&if global.json { render::layout_json(&layout) } else { render::layout(&layout) })?;
        return Ok(0);
    }
    let known = baseline_file(args, &checking)?;
    if let Some(file) = known.as_ref().filter(|_| !args.update_baseline) {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Fault::usage(format!("the baseline {} can't be read: {error}", file.display()))
                .hint("`tiers check --update-baseline` with the same `--baseline` writes it.")
        })?;
        checking.options.baseline =
            baseline::read(&text).map_err(|why| Fault::usage(format!("{}: {why}", file.display())))?;
    }
    let tree = &checking.files.tree;
    let report = tiers_check::check(tree, &checking.options);
    if let Some(file) = known.as_ref().filter(|_| args.update_baseline) {
        std::fs::write(file, baseline::write(&report))
            .map_err(|error| Fault::errored(format!("{}: {error}", file.display())))?;
        print(&format!("wrote {} findings to {}\n", report.findings.len(), file.display()))?;
        return Ok(0);
    }
    let text = match format {
        Format::Text => {
            let style = render::TextStyle { colour: global.style().is_on(), width: columns(), all: args.hints };
            render::text(&report, tree, style)
        }
        Format::Json => render::json(&report),
        Format::Sarif => render::sarif(&report),
        Format::Github => render::github(&report),
        Format::Junit => render::junit(&report),
    };
    print(&text)?;
    Ok(u8::from(args.fail_on.fails(&report)))
}

fn baseline_file(args: &Check, checking: &Checking) -> Result<Option<PathBuf>, Fault> {
    let declared = checking.baseline.as_ref().map(|path| checking.root.join(path));
    let file = args.baseline.clone().or(declared);
    if args.update_baseline && file.is_none() {
        return Err(Fault::usage("`--update-baseline` needs a file to write")
            .hint("Name one with `--baseline FILE`, or as `baseline` under [check] in tiers.toml."));
    }
    // What is found in a part of the repository would take the place of what is known of the rest.
    if args.update_baseline && !checking.options.only.is_empty() {
        return Err(Fault::usage("a baseline is about the whole repository; leave the paths away"));
    }
    Ok(file)
}
