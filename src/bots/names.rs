//! Names of buyers that read like names. They are not unique; e-mail addresses are.

/// Given names, in ASCII, so that they can stand in an e-mail address.
pub(super) const GIVEN: &[&str] = &[
    "Ada", "Amara", "Anton", "Beatriz", "Boris", "Chloe", "Daria", "Elif", "Emeka", "Felix", "Freya",
    "Goran", "Hana", "Ines", "Ivan", "Jonas", "Karim", "Kofi", "Lena", "Linh", "Luis", "Maeve", "Mateo",
    "Mei", "Nadia", "Noah", "Olga", "Omar", "Priya", "Rosa", "Sana", "Tomas", "Yuki", "Zoe",
];

/// Family names, likewise.
pub(super) const FAMILY: &[&str] = &[
    "Abe",
    "Adeyemi",
    "Almeida",
    "Bakker",
    "Baumann",
    "Castro",
    "Chen",
    "Dubois",
    "Eriksen",
    "Farouk",
    "Garcia",
    "Gupta",
    "Haas",
    "Horvat",
    "Ito",
    "Jansen",
    "Kaya",
    "Kim",
    "Kovacs",
    "Lindholm",
    "Mbeki",
    "Moreau",
    "Nguyen",
    "Novak",
    "Okafor",
    "Olsen",
    "Petrov",
    "Quinn",
    "Rossi",
    "Silva",
    "Tanaka",
    "Varga",
    "Weber",
    "Zielinski",
];
