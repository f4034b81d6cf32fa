//! What a person may be trusted with, as the command line says it.

use sortie_model::people::Role as Model;

/// A role by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Looks
    Viewer,
    /// Also asks for work
    Requester,
    /// Also answers questions, and stops the work of others
    Approver,
    /// Everything
    Owner,
}

impl From<Role> for Model {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Requester => Self::Requester,
            Role::Approver => Self::Approver,
            Role::Owner => Self::Owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn roles_are_called_here_what_they_are_called_everywhere() {
        let here = Role::value_variants().iter().map(|role| {
            let value = role.to_possible_value().expect("it is shown");
            (value.get_name().to_owned(), Model::from(*role))
        });
        let everywhere = Model::ALL.map(|role| (role.to_string(), role));
        assert_eq!(here.collect::<Vec<_>>(), everywhere);
    }
}
