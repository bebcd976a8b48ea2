"""The desks: requests, capacity, stock counts, donations, shipments, runs."""

import sqlalchemy as sa

from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def create_capacity_plan() -> None:
    op.create_table('capacity_plan',
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('planned_base', sa.BigInteger(), nullable=False),
    sa.Column('reported_by', sa.Uuid(), nullable=False),
    sa.Column('reported_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('planned_base >= 0', name=op.f('ck_capacity_plan_planned_not_negative')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_capacity_plan_item_item')),
    sa.ForeignKeyConstraint(['reported_by'], ['app_user.id'], name=op.f('fk_capacity_plan_reported_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_capacity_plan_site_site')),
    sa.PrimaryKeyConstraint('site', 'item', 'day', name=op.f('pk_capacity_plan'))
    )


def create_donation() -> None:
    op.create_table('donation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('donor', sa.String(), nullable=False),
    sa.Column('anonymous', sa.Boolean(), nullable=False),
    sa.Column('campaign', sa.String(), nullable=True),
    sa.Column('site', sa.String(), nullable=True),
    sa.Column('fund', sa.String(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('earmark_kind', sa.String(40), nullable=True),
    sa.Column('earmark', sa.String(), nullable=True),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('message', sa.String(), nullable=True),
    sa.Column('cancelled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancelled_by', sa.Uuid(), nullable=True),
    sa.Column('cancel_reason', sa.String(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('(site IS NULL) <> (fund IS NULL) AND (fund IS NULL) = (amount_minor IS NULL)', name=op.f('ck_donation_goods_or_money')),
    sa.ForeignKeyConstraint(['cancelled_by'], ['app_user.id'], name=op.f('fk_donation_cancelled_by_app_user')),
    sa.ForeignKeyConstraint(['donor'], ['organisation.code'], name=op.f('fk_donation_donor_organisation')),
    sa.ForeignKeyConstraint(['fund'], ['fund.code'], name=op.f('fk_donation_fund_fund')),
    sa.ForeignKeyConstraint(['recorded_by'], ['app_user.id'], name=op.f('fk_donation_recorded_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_donation_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_donation'))
    )
    op.create_index(op.f('ix_donation_donor'), 'donation', ['donor'], unique=False)


def create_lot_earmark() -> None:
    op.create_table('lot_earmark',
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('target', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_earmark_lot_id_lot')),
    sa.PrimaryKeyConstraint('lot_id', name=op.f('pk_lot_earmark'))
    )


def create_payment() -> None:
    op.create_table('payment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('fund', sa.String(), nullable=False),
    sa.Column('payee', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('paid_by', sa.Uuid(), nullable=False),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['fund'], ['fund.code'], name=op.f('fk_payment_fund_fund')),
    sa.ForeignKeyConstraint(['paid_by'], ['app_user.id'], name=op.f('fk_payment_paid_by_app_user')),
    sa.ForeignKeyConstraint(['payee'], ['organisation.code'], name=op.f('fk_payment_payee_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payment'))
    )
    op.create_index(op.f('ix_payment_fund'), 'payment', ['fund'], unique=False)


def create_production() -> None:
    op.create_table('production',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('expiry_source', sa.String(40), nullable=False),
    sa.Column('reported_by', sa.Uuid(), nullable=False),
    sa.Column('reported_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_production_item_item')),
    sa.ForeignKeyConstraint(['reported_by'], ['app_user.id'], name=op.f('fk_production_reported_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_production_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_production'))
    )
    op.create_index(op.f('ix_production_item'), 'production', ['item'], unique=False)
    op.create_index(op.f('ix_production_site_production_day'), 'production', ['site', 'day'], unique=False)


def create_purchase() -> None:
    op.create_table('purchase',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('fund', sa.String(), nullable=False),
    sa.Column('supplier', sa.String(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('bought_by', sa.Uuid(), nullable=False),
    sa.Column('bought_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['bought_by'], ['app_user.id'], name=op.f('fk_purchase_bought_by_app_user')),
    sa.ForeignKeyConstraint(['fund'], ['fund.code'], name=op.f('fk_purchase_fund_fund')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_purchase_site_site')),
    sa.ForeignKeyConstraint(['supplier'], ['organisation.code'], name=op.f('fk_purchase_supplier_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_purchase'))
    )
    op.create_index(op.f('ix_purchase_fund'), 'purchase', ['fund'], unique=False)


def create_run() -> None:
    op.create_table('run',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('horizon_days', sa.Integer(), nullable=False),
    sa.Column('started_by', sa.Uuid(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('pieces_needed', sa.BigInteger(), nullable=False),
    sa.Column('snapshot', sa.LargeBinary(), nullable=False),
    sa.Column('snapshot_entry', sa.Uuid(), nullable=False),
    sa.Column('plan', sa.LargeBinary(), nullable=True),
    sa.Column('pieces_allocated', sa.BigInteger(), nullable=True),
    sa.Column('plan_entry', sa.Uuid(), nullable=True),
    sa.Column('comparison', sa.JSON(), nullable=True),
    sa.Column('progress', sa.Integer(), nullable=False),
    sa.Column('progress_note', sa.String(), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision_note', sa.String(), nullable=True),
    sa.Column('approval_entry', sa.Uuid(), nullable=True),
    sa.Column('failure', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['approval_entry'], ['entry.id'], name=op.f('fk_run_approval_entry_entry')),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_run_decided_by_app_user')),
    sa.ForeignKeyConstraint(['plan_entry'], ['entry.id'], name=op.f('fk_run_plan_entry_entry')),
    sa.ForeignKeyConstraint(['snapshot_entry'], ['entry.id'], name=op.f('fk_run_snapshot_entry_entry')),
    sa.ForeignKeyConstraint(['started_by'], ['app_user.id'], name=op.f('fk_run_started_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_run'))
    )
    op.create_index(op.f('ix_run_state'), 'run', ['state'], unique=False)


def create_stock_count() -> None:
    op.create_table('stock_count',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('counted_base', sa.BigInteger(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('counted_by', sa.Uuid(), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('counted_base >= 0', name=op.f('ck_stock_count_counted_not_negative')),
    sa.ForeignKeyConstraint(['counted_by'], ['app_user.id'], name=op.f('fk_stock_count_counted_by_app_user')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_stock_count_item_item')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_stock_count_lot_id_lot')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_stock_count_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_count'))
    )
    op.create_index(op.f('ix_stock_count_site_stock_count_lot_id_stock_count_occurred_at'), 'stock_count', ['site', 'lot_id', 'occurred_at'], unique=False)


def create_supply_request() -> None:
    op.create_table('supply_request',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('posted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['app_user.id'], name=op.f('fk_supply_request_created_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_supply_request_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supply_request'))
    )
    op.create_index(op.f('ix_supply_request_site'), 'supply_request', ['site'], unique=False)


def create_donation_line() -> None:
    op.create_table('donation_line',
    sa.Column('donation_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('batch', sa.String(), nullable=True),
    sa.Column('produced_on', sa.Date(), nullable=True),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.Column('receipt_note', sa.String(), nullable=True),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_donation_line_quantity_positive')),
    sa.ForeignKeyConstraint(['donation_id'], ['donation.id'], name=op.f('fk_donation_line_donation_id_donation')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_donation_line_item_item')),
    sa.PrimaryKeyConstraint('donation_id', 'line', name=op.f('pk_donation_line'))
    )


def create_need() -> None:
    op.create_table('need',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('priority', sa.String(40), nullable=False),
    sa.Column('posted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('need_by', sa.Date(), nullable=False),
    sa.Column('status', sa.String(40), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_need_quantity_positive')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_need_item_item')),
    sa.ForeignKeyConstraint(['request_id'], ['supply_request.id'], name=op.f('fk_need_request_id_supply_request')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_need_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_need')),
    sa.UniqueConstraint('sequence', name=op.f('uq_need_sequence'))
    )
    op.create_index(op.f('ix_need_item'), 'need', ['item'], unique=False)
    op.create_index(op.f('ix_need_request_id'), 'need', ['request_id'], unique=False)
    op.create_index(op.f('ix_need_site'), 'need', ['site'], unique=False)


def create_shipment() -> None:
    op.create_table('shipment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('destination', sa.String(), nullable=False),
    sa.Column('carrier', sa.String(), nullable=False),
    sa.Column('depart_on', sa.Date(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.ForeignKeyConstraint(['carrier'], ['organisation.code'], name=op.f('fk_shipment_carrier_organisation')),
    sa.ForeignKeyConstraint(['destination'], ['site.code'], name=op.f('fk_shipment_destination_site')),
    sa.ForeignKeyConstraint(['origin'], ['site.code'], name=op.f('fk_shipment_origin_site')),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_shipment_run_id_run')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shipment'))
    )
    op.create_index(op.f('ix_shipment_carrier'), 'shipment', ['carrier'], unique=False)
    op.create_index(op.f('ix_shipment_destination'), 'shipment', ['destination'], unique=False)
    op.create_index(op.f('ix_shipment_origin'), 'shipment', ['origin'], unique=False)
    op.create_index(op.f('ix_shipment_run_id'), 'shipment', ['run_id'], unique=False)
    op.create_index(op.f('ix_shipment_state'), 'shipment', ['state'], unique=False)


def create_need_change() -> None:
    op.create_table('need_change',
    sa.Column('need_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['changed_by'], ['app_user.id'], name=op.f('fk_need_change_changed_by_app_user')),
    sa.ForeignKeyConstraint(['need_id'], ['need.id'], name=op.f('fk_need_change_need_id_need')),
    sa.PrimaryKeyConstraint('need_id', 'version', name=op.f('pk_need_change'))
    )


def create_shipment_event() -> None:
    op.create_table('shipment_event',
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Uuid(), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('received_by_name', sa.String(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['actor'], ['app_user.id'], name=op.f('fk_shipment_event_actor_app_user')),
    sa.ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name=op.f('fk_shipment_event_shipment_id_shipment')),
    sa.PrimaryKeyConstraint('shipment_id', 'state', name=op.f('pk_shipment_event'))
    )


def create_shipment_line() -> None:
    op.create_table('shipment_line',
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('need_id', sa.Uuid(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_shipment_line_quantity_positive')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_shipment_line_lot_id_lot')),
    sa.ForeignKeyConstraint(['need_id'], ['need.id'], name=op.f('fk_shipment_line_need_id_need')),
    sa.ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name=op.f('fk_shipment_line_shipment_id_shipment')),
    sa.PrimaryKeyConstraint('shipment_id', 'line', name=op.f('pk_shipment_line')),
    sa.UniqueConstraint('shipment_id', 'need_id', 'lot_id', name=op.f('uq_shipment_line_shipment_id_need_id_lot_id'))
    )
    op.create_index(op.f('ix_shipment_line_lot_id'), 'shipment_line', ['lot_id'], unique=False)
    op.create_index(op.f('ix_shipment_line_need_id'), 'shipment_line', ['need_id'], unique=False)


def create_receipt_line() -> None:
    op.create_table('receipt_line',
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['shipment_id', 'line'], ['shipment_line.shipment_id', 'shipment_line.line'], name='line'),
    sa.PrimaryKeyConstraint('shipment_id', 'line', name=op.f('pk_receipt_line'))
    )


def upgrade() -> None:
    create_capacity_plan()
    create_donation()
    create_lot_earmark()
    create_payment()
    create_production()
    create_purchase()
    create_run()
    create_stock_count()
    create_supply_request()
    create_donation_line()
    create_need()
    create_shipment()
    create_need_change()
    create_shipment_event()
    create_shipment_line()
    create_receipt_line()


def downgrade() -> None:
    op.drop_table('receipt_line')
    op.drop_index(op.f('ix_shipment_line_need_id'), table_name='shipment_line')
    op.drop_index(op.f('ix_shipment_line_lot_id'), table_name='shipment_line')
    op.drop_table('shipment_line')
    op.drop_table('shipment_event')
    op.drop_table('need_change')
    op.drop_index(op.f('ix_shipment_state'), table_name='shipment')
    op.drop_index(op.f('ix_shipment_run_id'), table_name='shipment')
    op.drop_index(op.f('ix_shipment_origin'), table_name='shipment')
    op.drop_index(op.f('ix_shipment_destination'), table_name='shipment')
    op.drop_index(op.f('ix_shipment_carrier'), table_name='shipment')
    op.drop_table('shipment')
    op.drop_index(op.f('ix_need_site'), table_name='need')
    op.drop_index(op.f('ix_need_request_id'), table_name='need')
    op.drop_index(op.f('ix_need_item'), table_name='need')
    op.drop_table('need')
    op.drop_table('donation_line')
    op.drop_index(op.f('ix_supply_request_site'), table_name='supply_request')
    op.drop_table('supply_request')
    op.drop_index(op.f('ix_stock_count_site_stock_count_lot_id_stock_count_occurred_at'), table_name='stock_count')
    op.drop_table('stock_count')
    op.drop_index(op.f('ix_run_state'), table_name='run')
    op.drop_table('run')
    op.drop_index(op.f('ix_purchase_fund'), table_name='purchase')
    op.drop_table('purchase')
    op.drop_index(op.f('ix_production_site_production_day'), table_name='production')
    op.drop_index(op.f('ix_production_item'), table_name='production')
    op.drop_table('production')
    op.drop_index(op.f('ix_payment_fund'), table_name='payment')
    op.drop_table('payment')
    op.drop_table('lot_earmark')
    op.drop_index(op.f('ix_donation_donor'), table_name='donation')
    op.drop_table('donation')
    op.drop_table('capacity_plan')
