"""Lorries, opening hours, vehicle rounds, and what a piece of an item takes up."""

import sqlalchemy as sa

from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def create_rounds_plan() -> None:
    op.create_table('rounds_plan',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('depot', sa.String(), nullable=True),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('started_by', sa.Uuid(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('problem', sa.LargeBinary(), nullable=False),
    sa.Column('shipments', sa.Integer(), nullable=False),
    sa.Column('most_seconds', sa.Integer(), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('status', sa.String(), nullable=True),
    sa.Column('iterations', sa.Integer(), nullable=True),
    sa.Column('failure', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['depot'], ['site.code'], name=op.f('fk_rounds_plan_depot_site')),
    sa.ForeignKeyConstraint(['started_by'], ['app_user.id'], name=op.f('fk_rounds_plan_started_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rounds_plan'))
    )
    op.create_index(op.f('ix_rounds_plan_day'), 'rounds_plan', ['day'], unique=False)
    op.create_index(op.f('ix_rounds_plan_state'), 'rounds_plan', ['state'], unique=False)


def create_site_hours() -> None:
    op.create_table('site_hours',
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('opens_at', sa.Time(), nullable=False),
    sa.Column('closes_at', sa.Time(), nullable=False),
    sa.Column('service_minutes', sa.Integer(), nullable=False),
    sa.CheckConstraint('opens_at < closes_at', name=op.f('ck_site_hours_opens_first')),
    sa.CheckConstraint('service_minutes >= 0', name=op.f('ck_site_hours_service_not_negative')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_site_hours_site_site')),
    sa.PrimaryKeyConstraint('site', name=op.f('pk_site_hours'))
    )


def create_vehicle() -> None:
    op.create_table('vehicle',
    sa.Column('carrier', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('depot', sa.String(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('volume_l', sa.Integer(), nullable=False),
    sa.Column('weight_kg', sa.Integer(), nullable=False),
    sa.Column('cold', sa.Boolean(), nullable=False),
    sa.Column('starts_at', sa.Time(), nullable=False),
    sa.Column('shift_minutes', sa.Integer(), nullable=False),
    sa.Column('most_rounds', sa.Integer(), nullable=False),
    sa.CheckConstraint('count >= 1 AND most_rounds >= 1', name=op.f('ck_vehicle_at_least_one')),
    sa.CheckConstraint('volume_l >= 1 AND weight_kg >= 1 AND shift_minutes >= 1', name=op.f('ck_vehicle_carries_something')),
    sa.ForeignKeyConstraint(['carrier'], ['organisation.code'], name=op.f('fk_vehicle_carrier_organisation')),
    sa.ForeignKeyConstraint(['depot'], ['site.code'], name=op.f('fk_vehicle_depot_site')),
    sa.PrimaryKeyConstraint('carrier', 'code', name=op.f('pk_vehicle'))
    )
    op.create_index(op.f('ix_vehicle_depot'), 'vehicle', ['depot'], unique=False)


def create_round() -> None:
    op.create_table('round',
    sa.Column('plan_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('depot', sa.String(), nullable=False),
    sa.Column('carrier', sa.String(), nullable=False),
    sa.Column('vehicle', sa.String(), nullable=False),
    sa.Column('unit', sa.Integer(), nullable=False),
    sa.Column('trip', sa.Integer(), nullable=False),
    sa.Column('cold', sa.Boolean(), nullable=False),
    sa.Column('loads_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('departs_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('returns_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('distance_m', sa.Integer(), nullable=False),
    sa.Column('volume_ml', sa.BigInteger(), nullable=False),
    sa.Column('weight_g', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['carrier'], ['organisation.code'], name=op.f('fk_round_carrier_organisation')),
    sa.ForeignKeyConstraint(['depot'], ['site.code'], name=op.f('fk_round_depot_site')),
    sa.ForeignKeyConstraint(['plan_id'], ['rounds_plan.id'], name=op.f('fk_round_plan_id_rounds_plan')),
    sa.PrimaryKeyConstraint('plan_id', 'number', name=op.f('pk_round'))
    )


def create_round_stop() -> None:
    op.create_table('round_stop',
    sa.Column('plan_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('stop', sa.Integer(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('arrives_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('begins_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('leaves_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('distance_m', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['plan_id', 'number'], ['round.plan_id', 'round.number'], name='round'),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_round_stop_site_site')),
    sa.PrimaryKeyConstraint('plan_id', 'number', 'stop', name=op.f('pk_round_stop'))
    )


def create_round_left_out() -> None:
    op.create_table('round_left_out',
    sa.Column('plan_id', sa.Uuid(), nullable=False),
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['plan_id'], ['rounds_plan.id'], name=op.f('fk_round_left_out_plan_id_rounds_plan')),
    sa.ForeignKeyConstraint(['shipment_id', 'line'], ['shipment_line.shipment_id', 'shipment_line.line'], name='line'),
    sa.PrimaryKeyConstraint('plan_id', 'shipment_id', 'line', 'reason', name=op.f('pk_round_left_out'))
    )
    op.create_index(op.f('ix_round_left_out_shipment_id'), 'round_left_out', ['shipment_id'], unique=False)


def create_round_load() -> None:
    op.create_table('round_load',
    sa.Column('plan_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('stop', sa.Integer(), nullable=False),
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_round_load_quantity_positive')),
    sa.ForeignKeyConstraint(['plan_id', 'number', 'stop'], ['round_stop.plan_id', 'round_stop.number', 'round_stop.stop'], name='stop'),
    sa.ForeignKeyConstraint(['shipment_id', 'line'], ['shipment_line.shipment_id', 'shipment_line.line'], name='line'),
    sa.PrimaryKeyConstraint('plan_id', 'number', 'stop', 'shipment_id', 'line', name=op.f('pk_round_load'))
    )
    op.create_index(op.f('ix_round_load_shipment_id'), 'round_load', ['shipment_id'], unique=False)


def widen_item() -> None:
    """Volume and weight of what is there already are assumed, as in the catalogue."""
    op.add_column('item', sa.Column('volume_ml', sa.Integer(), server_default='100', nullable=False))
    op.add_column('item', sa.Column('weight_g', sa.Integer(), server_default='50', nullable=False))
    op.add_column('item', sa.Column('cold', sa.Boolean(), server_default=sa.text('false'), nullable=False))


def upgrade() -> None:
    create_rounds_plan()
    create_site_hours()
    create_vehicle()
    create_round()
    create_round_stop()
    create_round_left_out()
    create_round_load()
    widen_item()


def downgrade() -> None:
    op.drop_column('item', 'cold')
    op.drop_column('item', 'weight_g')
    op.drop_column('item', 'volume_ml')
    op.drop_index(op.f('ix_round_load_shipment_id'), table_name='round_load')
    op.drop_table('round_load')
    op.drop_index(op.f('ix_round_left_out_shipment_id'), table_name='round_left_out')
    op.drop_table('round_left_out')
    op.drop_table('round_stop')
    op.drop_table('round')
    op.drop_index(op.f('ix_vehicle_depot'), table_name='vehicle')
    op.drop_table('vehicle')
    op.drop_table('site_hours')
    op.drop_index(op.f('ix_rounds_plan_state'), table_name='rounds_plan')
    op.drop_index(op.f('ix_rounds_plan_day'), table_name='rounds_plan')
    op.drop_table('rounds_plan')
