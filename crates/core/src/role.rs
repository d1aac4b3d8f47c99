//! What staff may do: permissions, sets of them, and the roles that a new installation has.

use std::fmt;

/// One thing that a member of staff may be allowed to do. The numbers are stored: they never change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Permission {
    /// Record what was seen of a person, and declare for somebody without a phone (采集).
    Collect = 0,
    /// Check codes at a gate (查验).
    Verify = 1,
    /// Look a person up by number (查询).
    LookUp = 2,
    /// Settle what a pack sends to review (审核).
    Review = 3,
    /// Settle appeals (申诉处理).
    Appeal = 4,
    /// Confirm evidence that a rule waits for, such as a release (确认).
    Approve = 5,
    /// Bring in lists (导入).
    Import = 6,
    /// Take rows out (导出).
    Export = 7,
    /// Write an order (处置令).
    Order = 8,
    /// Sign another office's order (复核处置令).
    CountersignOrder = 9,
    /// Draft rules (规则编写).
    Rules = 10,
    /// Sign and publish rules (规则发布).
    PublishRules = 11,
    /// Read logs and alarms (审计).
    Audit = 12,
    /// Record who shows their code at one's own place, such as a company or a school (单位登记): by codes alone.
    Enterprise = 13,
    /// Run the service (运维); shows no health data.
    Operate = 14,
    /// Give out what one holds oneself (授权).
    GrantRights = 15,
    /// See the numbers of a division (看板).
    Dashboard = 16,
}

/// Every permission, by number.
pub const PERMISSIONS: [Permission; 17] = [
    Permission::Collect,
    Permission::Verify,
    Permission::LookUp,
    Permission::Review,
    Permission::Appeal,
    Permission::Approve,
    Permission::Import,
    Permission::Export,
    Permission::Order,
    Permission::CountersignOrder,
    Permission::Rules,
    Permission::PublishRules,
    Permission::Audit,
    Permission::Enterprise,
    Permission::Operate,
    Permission::GrantRights,
    Permission::Dashboard,
];

impl Permission {
    /// Its name in texts and interfaces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Permission::Collect => "collect",
            Permission::Verify => "verify",
            Permission::LookUp => "look_up",
            Permission::Review => "review",
            Permission::Appeal => "appeal",
            Permission::Approve => "approve",
            Permission::Import => "import",
            Permission::Export => "export",
            Permission::Order => "order",
            Permission::CountersignOrder => "countersign_order",
            Permission::Rules => "rules",
            Permission::PublishRules => "publish_rules",
            Permission::Audit => "audit",
            Permission::Enterprise => "enterprise",
            Permission::Operate => "operate",
            Permission::GrantRights => "grant_rights",
            Permission::Dashboard => "dashboard",
        }
    }

    /// The permission of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Permission> {
        PERMISSIONS.into_iter().find(|p| p.name() == name)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u32);

impl Permissions {
    /// Of these.
    #[must_use]
    pub const fn of(all: &[Permission]) -> Permissions {
        let (mut bits, mut i) = (0, 0);
        while i < all.len() {
            bits |= 1 << all[i] as u32;
            i += 1;
        }
        Permissions(bits)
    }

    /// As stored; unknown bits, which a later version may know, count for nothing.
    #[must_use]
    pub fn from_bits(bits: i64) -> Permissions {
        let known = (1_u32 << PERMISSIONS.len()) - 1;
        Permissions(u32::try_from(bits).unwrap_or(0) & known)
    }

    /// To be stored.
    #[must_use]
    pub fn bits(self) -> i64 {
        i64::from(self.0)
    }

    /// Whether one is in it.
    #[must_use]
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// Whether all of another set are in it.
    #[must_use]
    pub fn covers(self, other: Permissions) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn union(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }

    /// What is left without another set.
    #[must_use]
    pub fn without(self, other: Permissions) -> Permissions {
        Permissions(self.0 & !other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// By number.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        PERMISSIONS.into_iter().filter(move |p| self.contains(*p))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::name)).finish()
    }
}

/// What nobody may do on a password alone: outside the demo these need a second factor.
pub const SECOND_FACTOR: Permissions = Permissions::of(&[
    Permission::Approve,
    Permission::Import,
    Permission::Export,
    Permission::Order,
    Permission::CountersignOrder,
    Permission::PublishRules,
    Permission::GrantRights,
]);

/// The roles of a new installation, which may be edited there. Nobody who runs the service sees
/// health data, nobody who writes orders signs them, and whoever gives out rights uses none.
pub const ROLES: [(&str, Permissions); 10] = {
    use Permission as P;
    [
        ("collector", Permissions::of(&[P::Collect])),
        ("verifier", Permissions::of(&[P::Verify])),
        ("reviewer", Permissions::of(&[P::Review, P::Appeal, P::LookUp])),
        ("approver", Permissions::of(&[P::Approve, P::CountersignOrder, P::LookUp])),
        ("data_admin", Permissions::of(&[P::Import, P::Order, P::Dashboard, P::Export])),
        ("rule_maker", Permissions::of(&[P::Rules, P::Dashboard])),
        ("auditor", Permissions::of(&[P::Audit, P::Dashboard])),
        ("enterprise_manager", Permissions::of(&[P::Enterprise])),
        ("operator", Permissions::of(&[P::Operate])),
        ("administrator", Permissions::of(&PERMISSIONS)),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_each_one_permissions_own() {
        for (i, permission) in PERMISSIONS.into_iter().enumerate() {
            assert_eq!(permission as usize, i);
            assert_eq!(Permission::parse(permission.name()), Some(permission));
        }
        assert_eq!(Permission::parse("everything"), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set = Permissions::of(&[Permission::Collect, Permission::Dashboard]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Permission::Collect, Permission::Dashboard]);
        assert_eq!(Permissions::from_bits(set.bits()), set);
        assert_eq!(Permissions::from_bits(-1), Permissions::default());
        assert_eq!(Permissions::from_bits(1 << 17), Permissions::default(), "a later version's");
        assert!(Permissions::of(&PERMISSIONS).covers(set) && !set.covers(Permissions::of(&PERMISSIONS)));
    }

    #[test]
    fn of_the_first_roles_none_that_runs_the_service_sees_people() {
        let operator = ROLES.iter().find(|(name, _)| *name == "operator").unwrap().1;
        assert_eq!(operator.iter().collect::<Vec<_>>(), [Permission::Operate]);
    }
}
