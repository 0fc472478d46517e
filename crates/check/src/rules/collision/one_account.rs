//! Why two environments stand in one account.

use crate::finding::Finding;
use crate::view::{Deployed, View};

/// Where both go to one account, each says so on a line of its own, and a third environment has another account, those lines: one of
/// them may be the slip, and a name of its own would only hide it.
pub(super) fn with_lines<'a>(
    view: &View<'a>,
    finding: Finding,
    first: &Deployed<'a>,
    second: &Deployed<'a>,
) -> Finding {
    let (here, there) = (view.whereabouts(first), view.whereabouts(second));
    let (Some(account), Some(one), Some(other)) = (here.number(), here.account_at(), there.account_at()) else {
        return finding;
    };
    if there.number() != Some(account) || one == other {
        return finding;
    }
    let differs = |third: &Deployed<'a>| view.whereabouts(third).number().is_some_and(|own| own != account);
    if !view.deployed.iter().any(differs) {
        return finding;
    }
    let related = [(one, first), (other, second)].map(|(place, deployed)| {
        view.context.related(place, format!("{} goes to account {account}", deployed.environment))
    });
    finding.besides(related).fix(format!(
        "First see that {} and {} both belong in account {account}, as these lines say: others have accounts of their own, and with \
         another name the one that is wrong there would be applied all the same. Then put the environment into the name.",
        first.environment, second.environment
    ))
}
