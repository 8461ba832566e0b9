// Clerks move money between accounts, by one-shot transactions with conditions and by transactions that are kept open. The sum stays, and no
// account is overdrawn, whatever happens to nodes and connections.
//
//     dotnet run --project examples/dotnet/MoneyTransfer [ENDPOINTS [SECONDS]]
using System.Globalization;
using Clustron;
using StackExchange.Redis;

const int Accounts = 8, Opening = 1000;
string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string bank = "bank:" + Guid.NewGuid().ToString("N")[..8] + ":";

await using ClustronClient client = await ClustronClient.ConnectAsync(endpoints);
RedisKey[] accounts = [.. Enumerable.Range(0, Accounts).Select(i => (RedisKey)(bank + i))];
await client.KeyValue.PutManyAsync([.. accounts.Select(a => KeyValuePair.Create<RedisKey, RedisValue>(a, Opening))], request: RequestId.New());

using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
int moved = 0, refused = 0;
await Task.WhenAll(Enumerable.Range(0, 8).Select(clerk => Task.Run(() => Clerk(clerk % 2 == 0 ? MoveAtOnce : MoveStepByStep, new Random(clerk)))));

// All accounts as they are at one revision.
KeyValueEntry[] balances = await client.KeyValue.GetManyAsync(accounts);
Console.WriteLine($"{moved} moved, {refused} refused: {string.Join(' ', balances.Select(b => b.Value))}");
if (moved == 0 || balances.Sum(b => (long)b.Value) != Accounts * Opening || balances.Any(b => (long)b.Value < 0))
    throw new InvalidOperationException("The books are wrong.");
Console.WriteLine("OK");

async Task Clerk(Func<RedisKey, RedisKey, int, Task<bool>> move, Random random)
{
    while (!stop.IsCancellationRequested)
    {
        int from = random.Next(Accounts), to = (from + random.Next(1, Accounts)) % Accounts;
        if (await move(accounts[from], accounts[to], random.Next(1, 500))) Interlocked.Increment(ref moved);
        else Interlocked.Increment(ref refused);
    }
}

// One round trip. With the request id it is repeated over a lost connection, and done once.
async Task<bool> MoveAtOnce(RedisKey from, RedisKey to, int amount)
{
    TransactionResult result = await client.Transactions.Create()
        .If(TxnCondition.Value(from, amount, Comparison.GreaterOrEqual))
        .Then(Command.Increment(from, -amount), Command.Increment(to, amount))
        .Else(Command.Get(from))
        .ExecuteAsync(RequestId.New());
    return result.Succeeded;
}

// Reads decide what is written; if somebody changes what was read, the function runs again.
async Task<bool> MoveStepByStep(RedisKey from, RedisKey to, int amount)
{
    var (done, _) = await client.Transactions.RunAsync(
        async tx =>
        {
            long balance = (long)await tx.GetAsync(from);
            if (balance < amount) return false;
            await tx.PutAsync(from, balance - amount);
            await tx.PutAsync(to, (long)await tx.GetAsync(to) + amount);
            return true;
        },
        attempts: 1000);
    return done;
}
