#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) middle: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Ratio {
    /// Divides by round, so that a disturbance affects both sides.
    pub(crate) fn of(these: &[f64], those: &[f64]) -> Self {
        let mut ratios: Vec<f64> = these.iter().zip(those).map(|(this, that)| this / that).collect();
        ratios.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (ratios.first(), ratios.last()) else {
            panic!("nothing was measured");
        };
        Self { middle: middle(&ratios), least: *least, most: *most }
    }
}

pub(crate) fn middle(values: &[f64]) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
}
