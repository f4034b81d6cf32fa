//! Outputs of real runners, recorded in `outputs/`, and the tests that are
//! found in them.

use sortie_verify::inventory::{Inventory, Status, probe};
use std::path::Path;

fn read(command: &str, name: &str) -> Inventory {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/outputs")
        .join(name);
    let output = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    probe(command, |_| None).read(&output)
}

fn shown(found: &Inventory) -> Vec<String> {
    found
        .tests()
        .map(|(name, status)| {
            let status = match status {
                Status::Passed => "passed",
                Status::Skipped => "skipped",
                Status::Failed => "failed",
            };
            format!("{status} {name}")
        })
        .collect()
}

/// A recording, the command it is of, and the tests in it.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "cargo-test.txt",
        "cargo test",
        &[
            "failed src/lib.rs - add (line 5)",
            "failed src/lib.rs: tests::adds",
            "passed src/lib.rs: tests::panics",
            "skipped src/lib.rs: tests::slow",
            "passed src/lib.rs: tests::zero",
            "passed tests/whole.rs: adds",
        ],
    ),
    (
        "go-test-json.txt",
        "go test ./...",
        &[
            "failed example.com/shop/cart.TestAdd",
            "failed example.com/shop/cart.TestAdd/small",
            "failed example.com/shop/cart.TestAdd/zero",
            "passed example.com/shop/cart.TestFine",
            "skipped example.com/shop/cart.TestSlow",
        ],
    ),
    (
        "unittest.txt",
        "python3 -m unittest",
        &[
            "failed test_cart.Cart.test_add",
            "passed test_cart.Cart.test_known",
            "skipped test_cart.Cart.test_later",
            "failed test_cart.Cart.test_raises",
            "passed test_cart.Cart.test_small",
        ],
    ),
    (
        "pytest-junit.txt",
        "pytest",
        &[
            "passed test_pt.TestCart.test_in_class",
            "passed test_pt.test_add[0-0-1]",
            "failed test_pt.test_add[1-2-3]",
            "skipped test_pt.test_later",
            "failed test_pt.test_price",
        ],
    ),
    (
        "pytest-v.txt",
        "make test",
        &[
            "passed test_pt.py::TestCart::test_in_class",
            "passed test_pt.py::test_add[0-0-1]",
            "failed test_pt.py::test_add[1-2-3]",
            "skipped test_pt.py::test_later",
            "failed test_pt.py::test_price",
        ],
    ),
    (
        "node-tap.txt",
        "node --test",
        &[
            "failed adds",
            "passed cart > is empty",
            "skipped cart > is full",
            "skipped cart > is half full",
        ],
    ),
    (
        "jest-json.txt",
        "npx jest",
        &[
            "failed src/cart.test.js: cart adds",
            "passed src/cart.test.js: cart is empty",
            "skipped src/cart.test.js: cart is full",
        ],
    ),
    (
        "vitest-junit.txt",
        "npx vitest run",
        &[
            "failed src/cart.spec.mjs.cart > adds",
            "passed src/cart.spec.mjs.cart > is empty",
            "skipped src/cart.spec.mjs.cart > is full",
        ],
    ),
    (
        "mocha-xunit.txt",
        "npx mocha",
        &[
            "failed cart.adds",
            "passed cart.is empty",
            "skipped cart.is full",
        ],
    ),
    (
        "maven-pass.txt",
        "mvn --batch-mode --no-transfer-progress test",
        &[
            "passed shop.CartTest.adds",
            "passed shop.CartTest.isEmpty",
            "skipped shop.CartTest.isFull",
            "passed shop.CartTest.sums(int, int, int)[1]",
            "passed shop.CartTest.sums(int, int, int)[2]",
        ],
    ),
    (
        "maven-reports.txt",
        "mvn --batch-mode --no-transfer-progress test",
        &[
            "failed shop.CartTest.adds",
            "failed shop.CartTest.hasPrices",
            "passed shop.CartTest.isEmpty",
            "skipped shop.CartTest.isFull",
            "passed shop.CartTest.sums(int, int, int)[1]",
            "failed shop.CartTest.sums(int, int, int)[2]",
        ],
    ),
    (
        "maven-modules.txt",
        "mvn --batch-mode --no-transfer-progress test",
        &["passed shop.ApiTest.adds", "failed shop.CartTest.adds"],
    ),
    (
        "gradle-pass.txt",
        "gradle --console=plain test",
        &[
            "passed shop.CartTest.adds",
            "passed shop.CartTest.isEmpty",
            "skipped shop.CartTest.isFull",
            "passed shop.SumTest.sums[0 and 0]",
            "passed shop.SumTest.sums[1 and 2]",
        ],
    ),
    (
        "gradle-reports.txt",
        "gradle --console=plain test",
        &[
            "failed shop.CartTest.adds",
            "failed shop.CartTest.hasPrices",
            "passed shop.CartTest.isEmpty",
            "skipped shop.CartTest.isFull",
            "failed shop.SumTest.sums[0 and 0]",
            "passed shop.SumTest.sums[1 and 2]",
        ],
    ),
];

#[test]
fn every_test_is_named_as_its_runner_names_it() {
    for (name, command, expected) in CASES {
        assert_eq!(shown(&read(command, name)), *expected, "{name}");
    }
}

#[test]
fn what_does_not_run_names_no_test() {
    for (command, name) in [
        ("cargo test", "cargo-build.txt"),
        ("go test ./...", "go-build.txt"),
        ("python3 -m unittest", "traceback.txt"),
        ("make test", "make-cc.txt"),
        ("mvn test", "maven-compile.txt"),
        ("mvn test", "maven-offline.txt"),
        ("gradle test", "gradle-compile.txt"),
    ] {
        assert!(read(command, name).is_empty(), "{name}");
    }
}
