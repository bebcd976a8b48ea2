"""Transfers, waybills, carriers' links, positions and temperatures; what a lane can carry."""

import sqlalchemy as sa

from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def create_transfers() -> None:
    op.create_table('transfer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('destination', sa.String(), nullable=False),
    sa.Column('depart_on', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('in_place_of', sa.String(), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('origin <> destination', name=op.f('ck_transfer_leads_away')),
    sa.ForeignKeyConstraint(['created_by'], ['app_user.id'], name=op.f('fk_transfer_created_by_app_user')),
    sa.ForeignKeyConstraint(['destination'], ['site.code'], name=op.f('fk_transfer_destination_site')),
    sa.ForeignKeyConstraint(['origin'], ['site.code'], name=op.f('fk_transfer_origin_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transfer'))
    )
    op.create_index(op.f('ix_transfer_destination'), 'transfer', ['destination'])
    op.create_index(op.f('ix_transfer_origin'), 'transfer', ['origin'])
    op.create_table('transfer_line',
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_transfer_line_quantity_positive')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_transfer_line_lot_id_lot')),
    sa.ForeignKeyConstraint(['transfer_id'], ['transfer.id'], name=op.f('fk_transfer_line_transfer_id_transfer')),
    sa.PrimaryKeyConstraint('transfer_id', 'line', name=op.f('pk_transfer_line')),
    sa.UniqueConstraint('transfer_id', 'lot_id', name=op.f('uq_transfer_line_transfer_id_lot_id'))
    )
    op.create_index(op.f('ix_transfer_line_lot_id'), 'transfer_line', ['lot_id'])


def create_tracks() -> None:
    op.create_table('carrier_link',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('carrier', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('label', sa.String(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['carrier'], ['organisation.code'], name=op.f('fk_carrier_link_carrier_organisation')),
    sa.ForeignKeyConstraint(['created_by'], ['app_user.id'], name=op.f('fk_carrier_link_created_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_carrier_link')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_carrier_link_token_hash'))
    )
    op.create_index(op.f('ix_carrier_link_carrier'), 'carrier_link', ['carrier'])
    op.create_table('position',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Uuid(), nullable=False),
    sa.Column('via_link', sa.Uuid(), nullable=True),
    sa.Column('place', sa.String(), nullable=True),
    sa.Column('latitude', sa.Float(), nullable=True),
    sa.Column('longitude', sa.Float(), nullable=True),
    sa.Column('expected_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['actor'], ['app_user.id'], name=op.f('fk_position_actor_app_user')),
    sa.ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name=op.f('fk_position_shipment_id_shipment')),
    sa.ForeignKeyConstraint(['via_link'], ['carrier_link.id'], name=op.f('fk_position_via_link_carrier_link')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_position'))
    )
    op.create_index(op.f('ix_position_shipment_id'), 'position', ['shipment_id'])


def create_papers() -> None:
    op.create_table('temperature_log',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('readings', sa.Integer(), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lowest_centi', sa.Integer(), nullable=False),
    sa.Column('highest_centi', sa.Integer(), nullable=False),
    sa.Column('least_centi', sa.Integer(), nullable=False),
    sa.Column('most_centi', sa.Integer(), nullable=False),
    sa.Column('minutes_out', sa.Integer(), nullable=False),
    sa.Column('breach', sa.Boolean(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Uuid(), nullable=False),
    sa.Column('via_link', sa.Uuid(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['actor'], ['app_user.id'], name=op.f('fk_temperature_log_actor_app_user')),
    sa.ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name=op.f('fk_temperature_log_shipment_id_shipment')),
    sa.ForeignKeyConstraint(['via_link'], ['carrier_link.id'], name=op.f('fk_temperature_log_via_link_carrier_link')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_temperature_log'))
    )
    op.create_index(op.f('ix_temperature_log_shipment_id'), 'temperature_log', ['shipment_id'])
    op.create_table('logistic_unit',
    sa.Column('sscc', sa.String(), nullable=False),
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('issued_by', sa.Uuid(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['issued_by'], ['app_user.id'], name=op.f('fk_logistic_unit_issued_by_app_user')),
    sa.ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name=op.f('fk_logistic_unit_shipment_id_shipment')),
    sa.PrimaryKeyConstraint('sscc', name=op.f('pk_logistic_unit')),
    sa.UniqueConstraint('shipment_id', 'number', name=op.f('uq_logistic_unit_shipment_id_number'))
    )
    # A serial is never given twice, whatever is rolled back: gaps are no harm.
    op.execute(sa.schema.CreateSequence(sa.Sequence('sscc_serial')))


def widen_lane() -> None:
    op.add_column('lane', sa.Column('cost_per_piece_micro', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('lane', sa.Column('volume_l_per_day', sa.Integer(), nullable=True))
    op.add_column('lane', sa.Column('weight_kg_per_day', sa.Integer(), nullable=True))
    op.add_column('lane', sa.Column('keeps_cold', sa.Boolean(), server_default=sa.true(), nullable=False))
    op.create_check_constraint(op.f('ck_lane_limits_not_negative'), 'lane',
        'cost_per_piece_micro >= 0 AND volume_l_per_day >= 0 AND weight_kg_per_day >= 0')


def widen_shipment() -> None:
    op.alter_column('shipment', 'run_id', existing_type=sa.Uuid(), nullable=True)
    op.add_column('shipment', sa.Column('joined_into', sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f('fk_shipment_joined_into_shipment'), 'shipment', 'shipment', ['joined_into'], ['id'])
    op.alter_column('shipment_line', 'need_id', existing_type=sa.Uuid(), nullable=True)
    for name, table in (('transfer_id', 'transfer'), ('run_id', 'run')):
        op.add_column('shipment_line', sa.Column(name, sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f(f'fk_shipment_line_{name}_{table}'), 'shipment_line', table, [name], ['id'])
        op.create_index(op.f(f'ix_shipment_line_{name}'), 'shipment_line', [name])
    op.create_check_constraint(op.f('ck_shipment_line_has_purpose'), 'shipment_line',
        'need_id IS NOT NULL OR transfer_id IS NOT NULL')
    op.create_unique_constraint(op.f('uq_shipment_line_shipment_id_transfer_id_lot_id'), 'shipment_line',
        ['shipment_id', 'transfer_id', 'lot_id'])
    op.execute('UPDATE shipment_line SET run_id = shipment.run_id FROM shipment WHERE shipment.id = shipment_id')


def number_events() -> None:
    """A shipment may come to a state again, as after it was diverted."""
    op.drop_constraint(op.f('pk_shipment_event'), 'shipment_event')
    op.add_column('shipment_event', sa.Column('sequence', sa.BigInteger(), sa.Identity(always=False), nullable=False))
    op.create_primary_key(op.f('pk_shipment_event'), 'shipment_event', ['sequence'])
    op.create_index(op.f('ix_shipment_event_shipment_id'), 'shipment_event', ['shipment_id'])
    op.add_column('shipment_event', sa.Column('via_link', sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f('fk_shipment_event_via_link_carrier_link'), 'shipment_event', 'carrier_link', ['via_link'], ['id'])


def upgrade() -> None:
    create_transfers()
    create_tracks()
    create_papers()
    widen_lane()
    widen_shipment()
    number_events()


def downgrade() -> None:
    """What a state came to again, and shipments of transfers, have no place in the old tables."""
    op.drop_column('shipment_event', 'via_link')
    op.drop_index(op.f('ix_shipment_event_shipment_id'), table_name='shipment_event')
    op.drop_constraint(op.f('pk_shipment_event'), 'shipment_event')
    op.drop_column('shipment_event', 'sequence')
    op.create_primary_key(op.f('pk_shipment_event'), 'shipment_event', ['shipment_id', 'state'])
    op.drop_column('shipment_line', 'run_id')
    op.drop_column('shipment_line', 'transfer_id')
    op.alter_column('shipment_line', 'need_id', existing_type=sa.Uuid(), nullable=False)
    op.drop_column('shipment', 'joined_into')
    op.alter_column('shipment', 'run_id', existing_type=sa.Uuid(), nullable=False)
    for name in ('keeps_cold', 'weight_kg_per_day', 'volume_l_per_day', 'cost_per_piece_micro'):
        op.drop_column('lane', name)
    op.execute(sa.schema.DropSequence(sa.Sequence('sscc_serial')))
    for table in ('logistic_unit', 'temperature_log', 'position', 'carrier_link', 'transfer_line', 'transfer'):
        op.drop_table(table)
