"""Makers, their papers, production orders and surplus."""

import sqlalchemy as sa

from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('capacity_rules',
    sa.Column('id', sa.SmallInteger(), nullable=False),
    sa.Column('registration_required', sa.Boolean(), nullable=False),
    sa.Column('shortfall_percent', sa.Integer(), nullable=False),
    sa.Column('approval_hours', sa.Integer(), nullable=False),
    sa.Column('silent_hours', sa.Integer(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_capacity_rules_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_capacity_rules'))
    )
    op.create_table('maker',
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('licence_number', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('allowed', sa.Boolean(), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_maker_organisation_organisation')),
    sa.PrimaryKeyConstraint('organisation', name=op.f('pk_maker'))
    )
    op.create_index(op.f('ix_maker_state'), 'maker', ['state'])
    op.create_table('maker_product',
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('registration_number', sa.String(), nullable=False),
    sa.Column('approved', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_maker_product_item_item')),
    sa.ForeignKeyConstraint(['organisation'], ['maker.organisation'], name=op.f('fk_maker_product_organisation_maker')),
    sa.PrimaryKeyConstraint('organisation', 'item', name=op.f('pk_maker_product'))
    )
    op.create_table('shortfall',
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(40), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('told_by', sa.Uuid(), nullable=False),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_shortfall_item_item')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_shortfall_site_site')),
    sa.ForeignKeyConstraint(['told_by'], ['app_user.id'], name=op.f('fk_shortfall_told_by_app_user')),
    sa.PrimaryKeyConstraint('site', 'item', 'day', name=op.f('pk_shortfall'))
    )
    op.create_table('surplus_offer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('taken_base', sa.BigInteger(), nullable=False),
    sa.Column('ready_on', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('price_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(), nullable=True),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('status', sa.String(40), nullable=False),
    sa.Column('offered_by', sa.Uuid(), nullable=False),
    sa.Column('offered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('taken_base BETWEEN 0 AND quantity_base', name=op.f('ck_surplus_offer_not_taken_twice')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_surplus_offer_item_item')),
    sa.ForeignKeyConstraint(['offered_by'], ['app_user.id'], name=op.f('fk_surplus_offer_offered_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_surplus_offer_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_surplus_offer'))
    )
    op.create_index(op.f('ix_surplus_offer_item'), 'surplus_offer', ['item'])
    op.create_index(op.f('ix_surplus_offer_site'), 'surplus_offer', ['site'])
    op.create_index(op.f('ix_surplus_offer_status'), 'surplus_offer', ['status'])
    op.create_table('production_order',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('status', sa.String(40), nullable=False),
    sa.Column('offer_id', sa.Uuid(), nullable=True),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('ordered_by', sa.Uuid(), nullable=False),
    sa.Column('ordered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_production_order_item_item')),
    sa.ForeignKeyConstraint(['offer_id'], ['surplus_offer.id'], name=op.f('fk_production_order_offer_id_surplus_offer')),
    sa.ForeignKeyConstraint(['ordered_by'], ['app_user.id'], name=op.f('fk_production_order_ordered_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_production_order_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_production_order'))
    )
    op.create_index(op.f('ix_production_order_item'), 'production_order', ['item'])
    op.create_index(op.f('ix_production_order_offer_id'), 'production_order', ['offer_id'])
    op.create_index(op.f('ix_production_order_site_production_order_item_production_order_day'), 'production_order', ['site', 'item', 'day'])
    op.create_index(op.f('ix_production_order_status'), 'production_order', ['status'])
    op.add_column('production', sa.Column('order_id', sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f('fk_production_order_id_production_order'), 'production', 'production_order', ['order_id'], ['id'])
    op.create_index(op.f('ix_production_order_id'), 'production', ['order_id'])


def downgrade() -> None:
    op.drop_index(op.f('ix_production_order_id'), table_name='production')
    op.drop_constraint(op.f('fk_production_order_id_production_order'), 'production')
    op.drop_column('production', 'order_id')
    for table in ('production_order', 'surplus_offer', 'shortfall', 'maker_product', 'maker', 'capacity_rules'):
        op.drop_table(table)
