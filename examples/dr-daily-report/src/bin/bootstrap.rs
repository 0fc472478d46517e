//! The entry point of the image. Which component it serves is said by its first argument (the image's command, which a function
//! overrides), else by `COMPONENT`, else by the handler that Lambda passes on.

use std::process::ExitCode;

fn main() -> ExitCode {
    let named = std::env::args().nth(1).or_else(|| variable("COMPONENT")).or_else(|| variable("_HANDLER"));
    let Some(component) = named else {
        eprintln!("no component: pass one as the first argument, {}", dr_daily_report::COMPONENTS.join(" or "));
        return ExitCode::from(2);
    };
    match dr_daily_report::run(&component) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{component} stopped: {error}");
            ExitCode::FAILURE
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
