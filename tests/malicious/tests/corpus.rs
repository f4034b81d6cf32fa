//! Every case ends as it says, beside a neighbour that keeps answering, and
//! leaves nothing behind.

use std::time::Duration;

use sortie_malicious::{Bench, Case, End, TOKEN, Town, cases, table};

/// What no call here takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs one case with calls of the neighbour beside it and after it.
async fn check(bench: &Bench, case: &Case) -> Result<(), String> {
    let beside = async {
        for _ in 0..3 {
            let found = bench.neighbour().await;
            assert_eq!(found.expect("the neighbour answers"), 1, "{}", case.name);
        }
    };
    let (end, ()) = tokio::time::timeout(PATIENCE, async {
        tokio::join!(bench.attempt(case), beside)
    })
    .await
    .unwrap_or_else(|_| panic!("{} does not end", case.name));
    assert_eq!(bench.loaded(), ["honest", "polite"], "{}", case.name);
    assert!(bench.is_untouched(), "{} reached the secret", case.name);
    let found = match &end {
        Ok(end) => end.clone(),
        Err(error) => End::of(error),
    };
    match found == case.ends {
        true => Ok(()),
        false => Err(format!(
            "{}: it should end as {:?} and ends as {end:?}",
            case.name, case.ends
        )),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_as_it_says_and_harms_nobody() {
    let bench = Bench::new().await.expect("the engine runs here");
    let mut wrong = Vec::new();
    for (_, group) in cases::all() {
        for case in group {
            wrong.extend(check(&bench, &case).await.err());
        }
    }
    assert!(wrong.is_empty(), "{:#?}", wrong);
    assert_eq!(bench.fill().await.expect("each slot is free"), 4);
    assert!(bench.longest_line() <= 4_096, "{}", bench.longest_line());
}

/// Every attack on the network and on others' identity, on a whole host. None
/// reaches the server that nobody granted, whatever its guest is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attack_is_told_what_it_says_and_reaches_nobody() {
    let town = Town::new().await.expect("the host runs here");
    let mut wrong = Vec::new();
    for (_, group) in town.attacks() {
        for attack in group {
            let name = &attack.name;
            let told = tokio::time::timeout(PATIENCE, town.run(&attack)).await;
            let told = told.unwrap_or_else(|_| panic!("{name} does not end"));
            let told = told.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(told.reached_private, 0, "{name}: {told:?}");
            assert!(!told.text.contains(TOKEN), "{name}: {told:?}");
            let heard = attack.hears.as_ref().is_none_or(|t| told.text.contains(t));
            if told.verdict != attack.ends || !heard || told.jobs != attack.jobs {
                wrong.push(format!(
                    "{name}: {} {:?} {told:?}",
                    attack.ends, attack.hears
                ));
            }
            if attack.name.starts_with("quota") {
                assert!(told.kept_bytes <= 1_000, "{name}: {told:?}");
            }
            if attack.name.ends_with("of-a-call-that-fails") {
                assert_eq!(told.kept_bytes, 0, "{name}: {told:?}");
            }
            // Nothing goes out without a row, also of a call that failed.
            assert!(told.rows >= told.heads.len(), "{name}: {told:?}");
            if let Some(requests) = attack.requests {
                assert_eq!(told.heads.len(), requests, "{name}: {told:?}");
            }
            // A template is nothing to the host, and what it injects is its own
            // field's value or nothing.
            for head in &told.heads {
                let own = attack.name.starts_with("secret-by-template");
                assert_eq!(own, head.contains("token}"), "{name}: {head}");
                assert!(!head.contains("evil"), "{name}: {head}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Otherwise a door that is always shut would pass for a safe one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_granted_request_through_wasi_http_arrives_with_its_secret() {
    let town = Town::new().await.expect("the host runs here");
    let told = town.run(&town.granted_by_wasi()).await.expect("it runs");
    assert_eq!(told.verdict, "ok", "{told:?}");
    assert_eq!(told.heads.len(), 1, "{told:?}");
    let head = told.heads[0].to_ascii_lowercase();
    assert!(head.starts_with("get / http/1.1\r\n"), "{head}");
    assert!(told.heads[0].contains(&format!("Bearer {TOKEN}")), "{head}");
    let log = town.requests().await.expect("the log can be read");
    assert_eq!(log.len(), 1, "{log:?}");
    let row = log[0].to_string();
    assert!(
        row.contains("api.example.com") && !row.contains(TOKEN),
        "{row}"
    );
}

/// What is written down is what is tested.
#[test]
fn the_document_is_the_corpus() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/HOSTILE.md");
    let (made, written) = (table(), std::fs::read_to_string(path).unwrap_or_default());
    if made != written {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/HOSTILE.md");
        std::fs::write(fresh, made).expect("the directory is the test's own");
        panic!("docs/HOSTILE.md is not the corpus; copy {fresh} there");
    }
}

/// A corpus in which one name stands twice, or that shrank.
#[test]
fn there_are_sixty_and_more_and_no_two_share_a_name() {
    let mut names: Vec<String> = table()
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .split('`')
                .next()
                .map(str::to_owned)
        })
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 60, "{all}");
}
