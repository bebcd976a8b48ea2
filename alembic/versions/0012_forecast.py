"""Daily reports of hospitals, and the rates that a forecast uses."""

import sqlalchemy as sa

from alembic import op
from services.journal.guards import append_only

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('daily_report',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('counted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('patients_suspected', sa.Integer(), nullable=False),
    sa.Column('patients_mild', sa.Integer(), nullable=False),
    sa.Column('patients_severe', sa.Integer(), nullable=False),
    sa.Column('patients_critical', sa.Integer(), nullable=False),
    sa.Column('shifts_doctor', sa.Integer(), nullable=False),
    sa.Column('shifts_nurse', sa.Integer(), nullable=False),
    sa.Column('shifts_cleaner', sa.Integer(), nullable=False),
    sa.Column('shifts_other', sa.Integer(), nullable=False),
    sa.Column('tests_done', sa.Integer(), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('reported_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['reported_by'], ['app_user.id'], name=op.f('fk_daily_report_reported_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_daily_report_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_daily_report')),
    sa.UniqueConstraint('sequence', name=op.f('uq_daily_report_sequence'))
    )
    op.create_index(op.f('ix_daily_report_site_daily_report_day'), 'daily_report', ['site', 'day'], unique=False)
    op.create_table('supply_rate',
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('driver', sa.String(40), nullable=False),
    sa.Column('rate_milli', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('assumed', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_by', sa.Uuid(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('rate_milli >= 0', name=op.f('ck_supply_rate_not_negative')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_supply_rate_item_item')),
    sa.ForeignKeyConstraint(['updated_by'], ['app_user.id'], name=op.f('fk_supply_rate_updated_by_app_user')),
    sa.PrimaryKeyConstraint('item', 'driver', name=op.f('pk_supply_rate'))
    )
    op.create_table('daily_stock',
    sa.Column('report_id', sa.Uuid(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('received_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base >= 0 AND received_base >= 0', name=op.f('ck_daily_stock_not_negative')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_daily_stock_item_item')),
    sa.ForeignKeyConstraint(['report_id'], ['daily_report.id'], name=op.f('fk_daily_stock_report_id_daily_report')),
    sa.PrimaryKeyConstraint('report_id', 'item', name=op.f('pk_daily_stock'))
    )
    op.create_table('supply_offer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('report_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('horizon_days', sa.Integer(), nullable=False),
    sa.Column('growth_percent', sa.Float(), nullable=False),
    sa.Column('patients_now', sa.Integer(), nullable=False),
    sa.Column('patients_then', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('made_by', sa.Uuid(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision_digest', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('request_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_supply_offer_decided_by_app_user')),
    sa.ForeignKeyConstraint(['made_by'], ['app_user.id'], name=op.f('fk_supply_offer_made_by_app_user')),
    sa.ForeignKeyConstraint(['report_id'], ['daily_report.id'], name=op.f('fk_supply_offer_report_id_daily_report')),
    sa.ForeignKeyConstraint(['request_id'], ['supply_request.id'], name=op.f('fk_supply_offer_request_id_supply_request')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_supply_offer_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supply_offer')),
    sa.UniqueConstraint('sequence', name=op.f('uq_supply_offer_sequence'))
    )
    op.create_index(op.f('ix_supply_offer_report_id'), 'supply_offer', ['report_id'], unique=False)
    op.create_index(op.f('ix_supply_offer_site_supply_offer_state'), 'supply_offer', ['site', 'state'], unique=False)
    op.create_table('supply_offer_line',
    sa.Column('offer_id', sa.Uuid(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('method', sa.String(40), nullable=False),
    sa.Column('stock_base', sa.BigInteger(), nullable=False),
    sa.Column('received_since_base', sa.BigInteger(), nullable=False),
    sa.Column('coming_base', sa.BigInteger(), nullable=False),
    sa.Column('asked_base', sa.BigInteger(), nullable=False),
    sa.Column('use_per_day_milli', sa.BigInteger(), nullable=False),
    sa.Column('days_left_tenths', sa.Integer(), nullable=True),
    sa.Column('burn_base', sa.BigInteger(), nullable=True),
    sa.Column('essential_base', sa.BigInteger(), nullable=True),
    sa.Column('forecast_base', sa.BigInteger(), nullable=False),
    sa.Column('suggested_base', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_supply_offer_line_item_item')),
    sa.ForeignKeyConstraint(['offer_id'], ['supply_offer.id'], name=op.f('fk_supply_offer_line_offer_id_supply_offer')),
    sa.PrimaryKeyConstraint('offer_id', 'item', name=op.f('pk_supply_offer_line'))
    )
    for statement in append_only('daily_report', 'daily_stock'):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table('supply_offer_line')
    op.drop_table('supply_offer')
    op.drop_table('daily_stock')
    op.drop_table('supply_rate')
    op.drop_table('daily_report')
