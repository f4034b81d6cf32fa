//! Maven and Gradle, by their wrappers where the repository has them.

use super::{Folder, Found, Purpose};

pub(super) fn look(folder: Folder<'_>) -> Vec<Found> {
    if folder.has("pom.xml") {
        let maven = match folder.has("mvnw") {
            true => "sh ./mvnw",
            false => "mvn",
        };
        let command = format!("{maven} --batch-mode --no-transfer-progress test");
        return vec![folder.found(Purpose::Test, &command, "pom.xml")];
    }
    let scripts = [
        "settings.gradle.kts",
        "settings.gradle",
        "build.gradle.kts",
        "build.gradle",
    ];
    match folder.first(&scripts) {
        Some(script) => {
            let gradle = match folder.has("gradlew") {
                true => "sh ./gradlew",
                false => "gradle",
            };
            let command = format!("{gradle} --console=plain test");
            vec![folder.found(Purpose::Test, &command, script)]
        }
        None => Vec::new(),
    }
}
