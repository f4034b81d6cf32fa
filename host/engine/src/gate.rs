//! The native gate in front of every publication.
//!
//! Whatever a workflow decides, nothing reaches a remote unless every scanner
//! the project demands judged exactly the commit about to be pushed, and a
//! person released exactly that commit when the findings ask for one. Pure.

use sortie_model::finding::Severity;

/// What is known about the commit that wants to leave.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The commit to push.
    pub commit: &'a str,
    /// The scanners the project demands.
    pub demanded: &'a [String],
    /// The least severity that asks for a person.
    pub review_from: Severity,
    /// The newest scan, when there was one.
    pub scan: Option<Scan<'a>>,
    /// The commit that a person released, when one did.
    pub released: Option<&'a str>,
}

/// One scan.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    /// The commit it judged.
    pub commit: &'a str,
    /// The scanners that judged it.
    pub scanners: &'a [String],
    /// The worst finding, when there is one.
    pub worst: Option<Severity>,
}

/// Why the gate stays shut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shut {
    /// Nobody looked.
    #[error("commit {0} was not scanned")]
    NotScanned(String),
    /// Something else was looked at.
    #[error("the scan judged {scanned}, not {commit}")]
    OtherCommit {
        /// What was judged.
        scanned: String,
        /// What wants to leave.
        commit: String,
    },
    /// A demanded scanner is missing from the scan.
    #[error("scanner {0} has not judged the change")]
    ScannerMissing(String),
    /// Findings ask for a person, and none released this commit.
    #[error("findings of severity {0} were not approved for this commit")]
    NotApproved(Severity),
}

/// Opens or stays shut.
pub fn check(candidate: &Candidate<'_>) -> Result<(), Shut> {
    let Some(scan) = &candidate.scan else {
        // A project without scanners publishes unscanned by its own choice.
        return match candidate.demanded.is_empty() {
            true => Ok(()),
            false => Err(Shut::NotScanned(candidate.commit.to_owned())),
        };
    };
    if scan.commit != candidate.commit {
        return Err(Shut::OtherCommit {
            scanned: scan.commit.to_owned(),
            commit: candidate.commit.to_owned(),
        });
    }
    if let Some(missing) = candidate
        .demanded
        .iter()
        .find(|name| !scan.scanners.contains(name))
    {
        return Err(Shut::ScannerMissing(missing.clone()));
    }
    match scan.worst {
        Some(worst)
            if worst >= candidate.review_from && candidate.released != Some(candidate.commit) =>
        {
            Err(Shut::NotApproved(worst))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn candidate<'a>(demanded: &'a [String], scan: Option<Scan<'a>>) -> Candidate<'a> {
        Candidate {
            commit: "aa",
            demanded,
            review_from: Severity::Warn,
            scan,
            released: None,
        }
    }

    #[test]
    fn an_unscanned_commit_stays() {
        let demanded = names(&["rh"]);
        assert_eq!(
            check(&candidate(&demanded, None)),
            Err(Shut::NotScanned("aa".into()))
        );
    }

    #[test]
    fn a_scan_of_another_commit_does_not_count() {
        let demanded = names(&["rh"]);
        let scan = Scan {
            commit: "bb",
            scanners: &demanded,
            worst: None,
        };
        assert!(matches!(
            check(&candidate(&demanded, Some(scan))),
            Err(Shut::OtherCommit { .. })
        ));
    }

    #[test]
    fn every_demanded_scanner_must_have_judged() {
        let demanded = names(&["rh", "licence"]);
        let ran = names(&["rh"]);
        let scan = Scan {
            commit: "aa",
            scanners: &ran,
            worst: None,
        };
        assert_eq!(
            check(&candidate(&demanded, Some(scan))),
            Err(Shut::ScannerMissing("licence".into()))
        );
    }

    #[test]
    fn findings_need_a_release_of_this_very_commit() {
        let demanded = names(&["rh"]);
        let scan = Scan {
            commit: "aa",
            scanners: &demanded,
            worst: Some(Severity::Warn),
        };
        let mut shut = candidate(&demanded, Some(scan));
        assert_eq!(check(&shut), Err(Shut::NotApproved(Severity::Warn)));
        shut.released = Some("bb");
        assert_eq!(check(&shut), Err(Shut::NotApproved(Severity::Warn)));
        shut.released = Some("aa");
        assert_eq!(check(&shut), Ok(()));
        shut.released = None;
        shut.review_from = Severity::Block;
        assert_eq!(check(&shut), Ok(()));
    }
}
