//! Decisions of a connector: whose they are, and what they are about.

use crate::Check;
use crate::asked::Asked;
use crate::events;
use crate::stage::{Call, Done, Play, Stage};
use sortie_plugins::surfaces::connector::Payload;

/// Everything once more from nobody, and from somebody who is no owner.
pub(crate) async fn by_others(stage: &Stage<'_>, played: &[(Play, Done)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (play, _) in played {
        for (who, sender) in [
            ("nobody known", None),
            ("somebody who is no owner", events::sender(false)),
        ] {
            let mut play = play.clone();
            if let Call::Event(event) = &mut play.call {
                event.sender = sender;
            }
            let done = stage.play(&play).await;
            if let Some((asked, ..)) = decided(&done).next() {
                let asked = asked.to_json();
                problems.push(format!("{} from {who} decides: {asked}", play.what));
            }
        }
    }
    problems
}

/// Each press that decides once more, while the job asks about a commit that
/// nobody was shown.
pub(crate) async fn about_others(stage: &Stage<'_>, played: &[(Play, Done)]) -> Check {
    const NAME: &str = "C7 a press decides about the commit that was seen";
    const UNSEEN: &str = "cafe0cafe0cafe0cafe0cafe0cafe0cafe0cafe0";
    let deciding: Vec<_> = played
        .iter()
        .filter(|(play, done)| is_press(play) && decided(done).next().is_some())
        .collect();
    if deciding.is_empty() {
        return Check::untried(NAME, "no press made it decide; add a case that does");
    }
    let mut problems = Vec::new();
    for (play, done) in deciding {
        let unnamed = decided(done)
            .find(|(_, job, commit)| commit.is_none() && play.script.asked_commit(*job).is_some());
        if let Some((asked, ..)) = unnamed {
            problems.push(format!(
                "{}: the job asks about a commit, and it names none: {}",
                play.what,
                asked.to_json()
            ));
            continue;
        }
        let moved = play.with(|script| script.ask_about(UNSEEN));
        let done = stage.play(&moved).await;
        let unseen =
            decided(&done).find(|(_, _, commit)| commit.is_none_or(|commit| commit == UNSEEN));
        if let Some((asked, ..)) = unseen {
            problems.push(format!(
                "{}: the job asks something new meanwhile, and it decides that: {}",
                play.what,
                asked.to_json()
            ));
        }
    }
    Check::all(NAME, problems)
}

/// The decisions, each with its job and the commit that it names.
fn decided(done: &Done) -> impl Iterator<Item = (&Asked, u64, Option<&str>)> {
    done.record.asked.iter().filter_map(|asked| match asked {
        Asked::Decide { job, commit, .. } => Some((asked, *job, commit.as_deref())),
        _ => None,
    })
}

fn is_press(play: &Play) -> bool {
    match &play.call {
        Call::Event(event) => matches!(event.payload, Payload::Press { .. }),
        Call::Delivery(..) => false,
    }
}
