//! A person with a card: the order is shown, the answer comes by `tell`.

use forethought_machine::{
    Build, BuildError, Card, Class, Driver, Fault, Halt, Machine, NotStarted, Order, Receipt,
};
use forethought_record::Fate;
use forethought_space::DriverSchema;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {}

pub(crate) fn driver() -> Driver {
    let schema = schemars::schema_for!(Options).to_value();
    Driver { schema: DriverSchema { name: "manual", schema }, build, pool: None }
}

fn build(b: &Build<'_>) -> Result<Box<dyn Machine>, BuildError> {
    b.options::<Options>()?;
    Ok(Box::new(Person(Card::new(b.name, Class::Person, b.spec.parallel))))
}

struct Person(Card);

impl Machine for Person {
    fn card(&self) -> &Card {
        &self.0
    }

    fn start(&mut self, order: &Order) -> Result<Receipt, NotStarted> {
        Ok(Receipt(format!("card {}", order.key.trial)))
    }

    fn poll(&mut self, _: &Order) -> Result<Fate, Fault> {
        Ok(Fate::Running { progress: None })
    }

    fn halter(&self) -> Box<dyn Halt> {
        Box::new(Told)
    }
}

/// A person is halted by being told, which the command line does.
struct Told;

impl Halt for Told {
    fn halt(&self, _: Option<&Order>) -> Result<(), Fault> {
        Ok(())
    }
}
