"""What a plan expects and isn't there yet."""

import sqlalchemy as sa

from alembic import op

revision = '0021'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('run', sa.Column('pieces_expected', sa.BigInteger(), nullable=False, server_default='0'))
    # As every other column: what isn't said is the model's default, not the database's.
    op.alter_column('run', 'pieces_expected', server_default=None)


def downgrade() -> None:
    op.drop_column('run', 'pieces_expected')
