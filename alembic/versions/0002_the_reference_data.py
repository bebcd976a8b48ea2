"""Who takes part, what can be asked for, and the ways between: catalogue, parties, funds, lanes."""

import sqlalchemy as sa

from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def create_organisation() -> None:
    op.create_table('organisation',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_organisation'))
    )


def create_region() -> None:
    op.create_table('region',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('parent', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['parent'], ['region.code'], name=op.f('fk_region_parent_region')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_region'))
    )


def create_app_user() -> None:
    op.create_table('app_user',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('username', sa.String(), nullable=False),
    sa.Column('display_name', sa.String(), nullable=False),
    sa.Column('role', sa.String(40), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_app_user_organisation_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_app_user')),
    sa.UniqueConstraint('username', name=op.f('uq_app_user_username'))
    )
    op.create_index(op.f('ix_app_user_organisation'), 'app_user', ['organisation'], unique=False)


def create_fund() -> None:
    op.create_table('fund',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['currency'], ['commodity.code'], name=op.f('fk_fund_currency_commodity')),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_fund_organisation_organisation')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_fund'))
    )


def create_item() -> None:
    op.create_table('item',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('category', sa.String(), nullable=False),
    sa.Column('shelf_life_days', sa.Integer(), nullable=True),
    sa.Column('note', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['code'], ['commodity.code'], name=op.f('fk_item_code_commodity')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_item'))
    )


def create_site() -> None:
    op.create_table('site',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('region', sa.String(), nullable=False),
    sa.Column('latitude', sa.Float(), nullable=False),
    sa.Column('longitude', sa.Float(), nullable=False),
    sa.Column('gln', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_site_organisation_organisation')),
    sa.ForeignKeyConstraint(['region'], ['region.code'], name=op.f('fk_site_region_region')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_site'))
    )
    op.create_index(op.f('ix_site_organisation'), 'site', ['organisation'], unique=False)
    op.create_index(op.f('ix_site_region'), 'site', ['region'], unique=False)


def create_api_token() -> None:
    op.create_table('api_token',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('label', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_api_token_user_id_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_token_token_hash'))
    )
    op.create_index(op.f('ix_api_token_user_id'), 'api_token', ['user_id'], unique=False)


def create_lane() -> None:
    op.create_table('lane',
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('destination', sa.String(), nullable=False),
    sa.Column('carrier', sa.String(), nullable=False),
    sa.Column('distance_m', sa.Integer(), nullable=False),
    sa.Column('duration_days', sa.Integer(), nullable=False),
    sa.CheckConstraint('distance_m >= 0 AND duration_days >= 0', name=op.f('ck_lane_not_negative')),
    sa.CheckConstraint('origin <> destination', name=op.f('ck_lane_leads_away')),
    sa.ForeignKeyConstraint(['carrier'], ['organisation.code'], name=op.f('fk_lane_carrier_organisation')),
    sa.ForeignKeyConstraint(['destination'], ['site.code'], name=op.f('fk_lane_destination_site')),
    sa.ForeignKeyConstraint(['origin'], ['site.code'], name=op.f('fk_lane_origin_site')),
    sa.PrimaryKeyConstraint('origin', 'destination', name=op.f('pk_lane'))
    )


def create_pack() -> None:
    op.create_table('pack',
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('pieces', sa.Integer(), nullable=False),
    sa.Column('gtin', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_pack_item_item')),
    sa.PrimaryKeyConstraint('item', 'unit', name=op.f('pk_pack'))
    )


def create_sign_in() -> None:
    op.create_table('sign_in',
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_sign_in_user_id_app_user')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_sign_in'))
    )
    op.create_index(op.f('ix_sign_in_user_id'), 'sign_in', ['user_id'], unique=False)


def create_substitute() -> None:
    op.create_table('substitute',
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('serves', sa.String(), nullable=False),
    sa.Column('preference', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_substitute_item_item')),
    sa.ForeignKeyConstraint(['serves'], ['item.code'], name=op.f('fk_substitute_serves_item')),
    sa.PrimaryKeyConstraint('item', 'serves', name=op.f('pk_substitute'))
    )


def upgrade() -> None:
    create_organisation()
    create_region()
    create_app_user()
    create_fund()
    create_item()
    create_site()
    create_api_token()
    create_lane()
    create_pack()
    create_sign_in()
    create_substitute()


def downgrade() -> None:
    op.drop_table('substitute')
    op.drop_index(op.f('ix_sign_in_user_id'), table_name='sign_in')
    op.drop_table('sign_in')
    op.drop_table('pack')
    op.drop_table('lane')
    op.drop_index(op.f('ix_api_token_user_id'), table_name='api_token')
    op.drop_table('api_token')
    op.drop_index(op.f('ix_site_region'), table_name='site')
    op.drop_index(op.f('ix_site_organisation'), table_name='site')
    op.drop_table('site')
    op.drop_table('item')
    op.drop_table('fund')
    op.drop_index(op.f('ix_app_user_organisation'), table_name='app_user')
    op.drop_table('app_user')
    op.drop_table('region')
    op.drop_table('organisation')
