//! Single values: names, durations, percentages, words of a command, freezes.

use super::super::spanned::{OneOrMany, Spanned};
use super::super::suggest::{listed, nearest};
use super::super::typed;
use super::Resolver;
use crate::gate::Freeze;
use crate::id::is_well_formed;
use crate::problem::Code;
use crate::window;

impl Resolver<'_, '_, '_> {
    /// Checks a name that becomes a part of keys and function names; `what` with its article.
    pub(super) fn name(&mut self, name: &Spanned<String>, what: &str) -> bool {
        if is_well_formed(name) {
            return true;
        }
        let mut fixed: String = name
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .skip_while(|c| !c.is_ascii_alphabetic())
            .collect();
        while fixed.contains("--") {
            fixed = fixed.replace("--", "-");
        }
        fixed.truncate(40);
        let fixed = fixed.trim_end_matches('-');
        let mut hint =
            "A name is 1 to 40 lower-case letters, digits and single hyphens, and begins with a letter.".to_owned();
        if is_well_formed(fixed) {
            hint.push_str(&format!(" For example `{fixed}`."));
        }
        self.add(Code::BadName, name.span(), format!("`{}` can't be the name of {what}", name.escape_debug()))
            .hint(hint);
        false
    }

    /// Writes down that a name is defined nowhere.
    pub(super) fn unknown<'k>(
        &mut self,
        name: &str,
        span: std::ops::Range<usize>,
        what: &str,
        known: impl Iterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.collect();
        let hint = match (nearest(name, known.iter().copied()), known.is_empty()) {
            (Some(meant), _) => format!("Did you mean `{meant}`?"),
            (None, true) => format!("No {what} is defined."),
            (None, false) => format!("Defined are {}.", listed(known.iter().copied())),
        };
        self.add(Code::UnknownReference, span, format!("there is no {what} `{}`", name.escape_debug())).hint(hint);
    }

    /// A duration such as `1h30m`, in milliseconds.
    pub(super) fn duration_ms(&mut self, text: &Spanned<String>) -> Option<u64> {
        let parsed = text.parse::<jiff::SignedDuration>().ok().filter(|_| !text.starts_with(['P', 'p']));
        let ms = parsed.and_then(|duration| u64::try_from(duration.as_millis()).ok());
        if ms.is_none() {
            let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let hint = if bare {
                format!("Say the unit: `{}s` for seconds, `{}m` for minutes.", text.as_str(), text.as_str())
            } else {
                "Write it like `30s`, `5m` or `1h30m`; a day is `24h`.".to_owned()
            };
            self.add(Code::BadValue, text.span(), format!("`{}` is not a duration", text.escape_debug())).hint(hint);
        }
        ms
    }

    /// A duration of at least one second, in whole seconds.
    pub(super) fn duration_s(&mut self, text: &Spanned<String>) -> Option<u64> {
        let ms = self.duration_ms(text)?;
        if ms < 1000 || ms % 1000 != 0 {
            self.add(Code::BadValue, text.span(), format!("`{}` is not a whole number of seconds", text.as_str()))
                .hint("Write at least `1s`, without a fraction.");
            return None;
        }
        Some(ms / 1000)
    }

    /// `1%` to `99%`.
    pub(super) fn percent(&mut self, text: &Spanned<String>) -> Option<u8> {
        let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse::<u8>().ok()).filter(|number| (1..=99).contains(number));
        if number.is_none() {
            self.add(Code::BadValue, text.span(), format!("`{}` is not a share of the calls", text.escape_debug()))
                .hint("Write a whole number of percent from `1%` to `99%`.");
        }
        number
    }

    /// A command as its program and arguments; a text is split at blanks, with quotes as in a shell, and no shell reads it.
    pub(super) fn words(&mut self, typed: &Spanned<OneOrMany<String>>) -> Vec<String> {
        let words = match &**typed {
            OneOrMany::Many(words) => words.clone(),
            OneOrMany::One(text) => {
                if let Some(sign) = shell_sign(text) {
                    self.add(
                        Code::BadValue,
                        typed.span(),
                        format!("no shell reads this command, so `{sign}` means nothing"),
                    )
                    .meaning("The program would get it as an argument.")
                    .hint("Name a script, or a shell: `[\"sh\", \"-c\", \"…\"]`.");
                    return Vec::new();
                }
                match shlex::split(text) {
                    Some(words) => words,
                    None => {
                        self.add(Code::BadValue, typed.span(), "a quote in this command is not closed")
                            .hint("Close it, or write the words as a list: `[\"program\", \"argument\"]`.");
                        return Vec::new();
                    }
                }
            }
        };
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            self.add(Code::BadValue, typed.span(), "the command is empty")
                .hint("Name a program and its arguments, for example `\"pytest tests -v\"`.");
            return Vec::new();
        }
        if words.iter().any(|word| word.contains('\0')) {
            self.add(Code::BadValue, typed.span(), "a command can't hold a NUL character").hint("Leave it away.");
            return Vec::new();
        }
        words
    }

    pub(super) fn freezes(&mut self, typed: &[Spanned<typed::Freeze>]) -> Vec<Freeze> {
        typed.iter().filter_map(|freeze| self.freeze(freeze)).collect()
    }

    fn freeze(&mut self, typed: &Spanned<typed::Freeze>) -> Option<Freeze> {
        // What is missing was said when the structure was checked.
        let (from, until, zone) = (typed.from.as_ref()?, typed.until.as_ref()?, typed.zone.as_ref()?);
        let why = typed.why.as_ref().map(|why| (**why).clone()).unwrap_or_default();
        if window::time_zone(zone).is_err() {
            self.add(Code::BadValue, zone.span(), format!("`{}` is not a time zone", zone.escape_debug()))
                .hint("Use an IANA name such as `Europe/Berlin`, `Asia/Singapore` or `UTC`.");
        }
        let texts = ((**from).clone(), (**until).clone(), (**zone).clone());
        match &typed.days {
            Some(days) => {
                if days.is_empty() {
                    self.add(Code::BadValue, days.span(), "no day is named")
                        .hint("Name at least one of `mon` to `sun`.");
                }
                for day in days.iter().filter(|day| window::weekday(day).is_err()) {
                    self.add(Code::BadValue, day.span(), format!("`{}` is not a day of the week", day.escape_debug()))
                        .hint("Use `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`.");
                }
                for time in [from, until] {
                    if window::time_of_day(time).is_err() {
                        self.add(
                            Code::BadValue,
                            time.span(),
                            format!("`{}` is not a time of day", time.escape_debug()),
                        )
                        .hint("With `days`, write hours and minutes like `18:00`.");
                    }
                }
                let days = days.iter().map(|day| (**day).clone()).collect();
                Some(Freeze::Weekly { days, from: texts.0, until: texts.1, zone: texts.2, why })
            }
            None => {
                let mut times = Vec::new();
                for time in [from, until] {
                    match window::date_time(time) {
                        Ok(parsed) => times.push(parsed),
                        Err(_) => {
                            self.add(
                                Code::BadValue,
                                time.span(),
                                format!("`{}` is not a date and time", time.escape_debug()),
                            )
                            .hint(
                                "Write it like `2026-12-20 18:00`; for every week, add `days` and write times of day.",
                            );
                        }
                    }
                }
                if let [from_time, until_time] = times[..]
                    && until_time <= from_time
                {
                    let text = self.notes.text();
                    self.add(Code::BadValue, until.span(), "the freeze ends before it begins")
                        .meaning("It would never hold.")
                        .related(text, from.span(), "begins here")
                        .hint("Let `until` lie behind `from`.");
                }
                Some(Freeze::Between { from: texts.0, until: texts.1, zone: texts.2, why })
            }
        }
    }
}

/// A sign outside quotes that only a shell would understand.
fn shell_sign(text: &str) -> Option<char> {
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, '|' | '&' | ';' | '<' | '>' | '$' | '`') => return Some(character),
            _ => {}
        }
    }
    None
}
